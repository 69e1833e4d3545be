"""Export what is held about a person: HTML, JSON, CSV, and all of them in a zip."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from jinja2 import Environment
from markupsafe import Markup

from mailer.core import csv_writer, i18n, templating
from mailer.core.i18n import labels
from mailer.core.paths import templates_dir
from mailer.core.settings import Settings, settings
from mailer.newsletters.models import LegalBasis
from mailer.notices.models import NoticeKind
from mailer.privacy.models import Outcome, Right
from mailer.privacy.rights.access import HeldData, Row
from mailer.rendering.local_time import day_or_instant
from mailer.rendering.typography import long_day, typeset
from mailer.smtp.replies import DeliveryState
from mailer.subscribers.consent import consent_file
from mailer.subscribers.eligibility import Withheld
from mailer.subscribers.models import SubscriptionState

PAGE = 50  # mailings on a page
_PORTABLE = ("email", "name", "locale")


@dataclass(frozen=True)
class Mailing:
    """Describe an issue or a notice that was sent, as the person reads it."""

    at: datetime
    title: str
    newsletter: str | None
    fate: str
    reply: str | None


def page(held: HeldData, locale: str, number: int = 1) -> tuple[Markup, int]:
    """Return the part of a page that shows it, with that page's mailings, and the number of pages."""
    mailings = _mailings(held, locale)
    count = max(-(-len(mailings) // PAGE), 1)
    shown = mailings[(number - 1) * PAGE : number * PAGE]
    rendered = _environment().get_template("held.html").render(
        _context(held, locale), mailings=shown, total=len(mailings), standalone=False
    )  # fmt: skip
    return Markup(rendered), count  # noqa: S704 -- rendered just above, escaped


def document(held: HeldData, locale: str) -> str:
    """Return everything as one HTML page that needs no other file."""
    mailings = _mailings(held, locale)
    return _environment().get_template("file.html").render(
        _context(held, locale), mailings=mailings, total=len(mailings), standalone=True
    )  # fmt: skip


def archive(held: HeldData, locale: str) -> bytes:
    """Return everything: the page to read, JSON, and a CSV a table."""
    page = f"{words(locale)['file']}.html"
    files = {page: document(held, locale).encode(), "data.json": as_json(held, locale)}
    for name, rows in held.tables.items():
        if rows:
            files[f"csv/{name}.csv"] = _csv(rows)
    if entries := _consents(held):
        files["csv/consent.csv"] = _csv(entries)
    return _zip(files, held.drawn_at)


def portable(held: HeldData, locale: str) -> bytes:
    """Return what the person gave on their consent (RGPD 20), for another service to read: JSON and CSV."""
    provided = _provided(held)
    people = [{**provided["person"], "newsletter": each["newsletter"], "agreed_at": each["agreed_at"]}
              for each in provided["subscriptions"]] or [provided["person"]]  # fmt: skip
    name = words(locale)["portable_file"]
    return _zip({f"{name}.json": _json(provided), f"{name}.csv": _csv(people)}, held.drawn_at)


def as_json(held: HeldData, locale: str) -> bytes:
    """Return all the rows, the consent record, and what the law wants said beside them."""
    about = {"drawn_at": held.drawn_at, "address": held.email, **_about(held, locale, settings())}
    return _json(
        {
            "about": about,
            "consent": consent_file.as_dict(held.consent),
            "data": held.tables,
            "newsletters": held.newsletters,
        }
    )


@cache
def words(locale: str) -> Mapping[str, Any]:
    """Return the words of the page."""
    called = {
        "states": DeliveryState, "withheld": Withheld, "notices": NoticeKind, "outcomes": Outcome,
        "bases": LegalBasis,
    }  # fmt: skip
    said = i18n.words("rights", locale) | {name: labels(of, locale, "told") for name, of in called.items()}
    return {name: _typeset(each, locale) for name, each in said.items()}


def _context(held: HeldData, locale: str) -> dict[str, Any]:
    return {
        "held": held, "t": words(locale), "c": consent_file.words(locale), "locale": locale,
        "about": _about(held, locale, settings()), "rights": labels(Right, locale, "told"),
        "settings": settings(), "day": lambda at: _day(at, locale), "iso": _plain,
    }  # fmt: skip


def _about(held: HeldData, locale: str, config: Settings) -> dict[str, Any]:
    """Return what RGPD 15(1) a to g asks to be said."""
    t = words(locale)
    bases = {each["legal_basis"] for each in held.newsletters.values()} or {LegalBasis.CONSENT}
    sources = {entry.source for letter in held.consent.letters for entry in letter.entries if entry.source}
    return {
        "controller": f"{config.controller_name}, {config.controller_address}",
        "dpo": config.dpo_email,
        "purpose": t["purpose"],
        "legal_basis": [t["bases"][basis] for basis in sorted(bases)],
        "recipients": config.recipients,
        "retention": config.kept(locale),
        "evidence_retention": t["evidence"].format(years=config.evidence_years),
        "source": sorted(sources) or [t["from_you"]],
        "rights": t["your_rights"],
        "complaint": t["complaint"],
        "automated_decisions": t["no_decision"],
        "transfers": t["no_transfer"],
    }


def _mailings(held: HeldData, locale: str) -> list[Mailing]:
    """Return issues and notices, the newest first."""
    t = words(locale)
    letters = (
        Mailing(row["first_tried"] or row["changed_at"], row["title"], _named(held, row), _fate(row, t),
                row["reply"])
        for row in held.tables["delivery"]
    )  # fmt: skip
    notices = (
        Mailing(row["created_at"], t["notices"].get(row["kind"], row["kind"]), _named(held, row),
                _fate(row, t), row["reply"])
        for row in held.tables["notice"]
    )  # fmt: skip
    return sorted((*letters, *notices), key=lambda each: each.at, reverse=True)


def _named(held: HeldData, row: Row) -> str | None:
    of = held.newsletters.get(str(row["newsletter_id"]))
    return of["name"] if of else None


def _fate(row: Row, t: Mapping[str, Any]) -> str:
    said: str = t["states"][row["state"]]
    return f"{said} ({t['withheld'][row['withheld']]})" if row.get("withheld") else said


def _consents(held: HeldData) -> list[Row]:
    entries = ((letter.name, entry) for letter in held.consent.letters for entry in letter.entries)
    return [{"newsletter": name, **vars(entry)} for name, entry in entries]


def _provided(held: HeldData) -> dict[str, Any]:
    """Return the profile, and the newsletters that rest on a consent."""
    subscriber = held.subscriber or {}
    agreed = {letter.name: letter.standing.since for letter in held.consent.letters}
    kept = []
    for row in held.tables["subscription"]:
        of = held.newsletters[str(row["newsletter_id"])]
        if of["legal_basis"] == LegalBasis.CONSENT and row["state"] == SubscriptionState.ACTIVE:
            kept.append({"newsletter": of["name"], "agreed_at": agreed.get(of["name"])})
    person = {name: subscriber.get(name) for name in _PORTABLE} | {"email": held.email}
    return {"person": person, "subscriptions": kept, "drawn_at": held.drawn_at}


def _day(at: datetime | date, locale: str) -> str:
    """Return the day it was, where the body is."""
    local = at.astimezone(settings().zone).date() if isinstance(at, datetime) else at
    return long_day(local, locale)


def _json(of: Any) -> bytes:
    return json.dumps(of, ensure_ascii=False, indent=2, default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return day_or_instant(value, settings().zone)
    if isinstance(value, date):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def _csv(rows: Sequence[Row]) -> bytes:
    """Return a CSV with the byte order mark by which spreadsheets know UTF-8."""
    file = io.StringIO()
    columns = list(rows[0])
    add = csv_writer.begun(file, columns)
    for row in rows:
        add(_cell(row[name]) for name in columns)
    return file.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return str(_plain(value) if isinstance(value, datetime | date | bytes | UUID) else value)


def _zip(files: Mapping[str, bytes], at: datetime) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(zipfile.ZipInfo(name, at.timetuple()[:6]), body, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _typeset(said: Any, locale: str) -> Any:
    if isinstance(said, dict):
        return {name: _typeset(each, locale) for name, each in said.items()}
    return typeset(said, locale) if isinstance(said, str) else said


@cache
def _environment() -> Environment:
    return templating.environment(templates_dir() / "rights")
