"""Draw up one person's consent record, as an inspection may ask for it: events, wordings, conclusions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from jinja2 import Environment
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from mailer.core import i18n, templating
from mailer.core.export_file import day_or_instant
from mailer.core.fingerprint import fingerprint_of
from mailer.core.i18n import labels
from mailer.core.paths import templates_dir
from mailer.core.settings import settings
from mailer.subscribers import eligibility, suppressions
from mailer.subscribers.consent import chain
from mailer.subscribers.consent.faults import Fault
from mailer.subscribers.consent.models import ConsentEvent, ConsentKind, ConsentPayload, Wording
from mailer.subscribers.consent.verify import Verification
from mailer.subscribers.eligibility import CHANGE_UNDONE, Standing, Why
from mailer.subscribers.models import Subscriber, SuppressionReason


@dataclass(frozen=True)
class ConsentEntry:
    """Hold one consent event, with the text that was on the screen."""

    seq: int
    at: datetime
    kind: ConsentKind
    channel: str
    form_version: str | None
    wording: str | None
    wording_sha256: str | None
    wording_locale: str | None
    source: str | None
    consented_at: datetime | None
    legal_text: str | None
    import_id: UUID | None
    moved_from: str | None
    moved_to: str | None
    away: bool  # from this address to another
    mac: str
    intact: bool  # the payload is the one that was sealed


@dataclass(frozen=True)
class NewsletterRecord:
    """Hold the events about one newsletter, and what follows from them."""

    name: str
    standing: Standing
    entries: list[ConsentEntry]


@dataclass(frozen=True)
class ConsentRecord:
    """Hold all the evidence kept under one address."""

    email: str
    fingerprint: str
    name: str | None
    locale: str | None
    created_at: datetime | None
    suppressed: SuppressionReason | None
    suppressed_at: datetime | None
    letters: list[NewsletterRecord]
    drawn_at: datetime

    @property
    def empty(self) -> bool:
        return self.created_at is None and self.suppressed is None and not self.letters


def draw(db: Session, email: str, names: Mapping[UUID, str], *, now: datetime) -> ConsentRecord:
    """Return the consent record of a normalised address; `names` are the newsletters'."""
    fingerprint = fingerprint_of(email)
    subscriber = db.scalar(select(Subscriber).where(Subscriber.fingerprint == fingerprint))
    suppression = suppressions.find(db, fingerprint)
    reason = suppression.reason if suppression else None
    return ConsentRecord(
        email=email,
        fingerprint=fingerprint.hex(),
        name=subscriber.name if subscriber else None,
        locale=subscriber.locale if subscriber else None,
        created_at=subscriber.created_at if subscriber else None,
        suppressed=reason,
        suppressed_at=suppression.at if suppression else None,
        letters=_letters(fingerprint, events(db, fingerprint), names, reason),
        drawn_at=now,
    )


def events(db: Session, fingerprint: bytes) -> list[Row[Any]]:
    """Return the events in order, with those from before a change of address, under the older one."""
    rows = {row.seq: row for row in _under(db, fingerprint)}
    earlier = _earlier(rows.values())
    while earlier:
        older, change = earlier.pop()
        new = {row.seq: row for row in _stay(_under(db, older), change) if row.seq not in rows}
        rows |= new
        earlier += _earlier(new.values())
    return [rows[seq] for seq in sorted(rows)]


def fingerprints(db: Session, fingerprint: bytes) -> set[bytes]:
    """Return this fingerprint, and those of the addresses that became this one, through every change.

    An address that a change was undone from was never theirs.
    """
    known, unread = {fingerprint}, [fingerprint]
    while unread:
        mine = ConsentPayload.fingerprint == unread.pop()
        came = mine, ConsentPayload.moved_from.is_not(None), ConsentPayload.channel != CHANGE_UNDONE
        older = set(db.scalars(select(ConsentPayload.moved_from).where(*came).distinct()))
        new = {each for each in older if each} - known
        known, unread = known | new, unread + list(new)
    return known


def _stay(rows: Iterable[Row[Any]], change: int) -> list[Row[Any]]:
    """Return the events under an earlier address from the person's coming there until they left it.

    What that mailbox did before they came is not theirs.
    """
    until = [row for row in rows if row.seq < change]
    came = [row for row in until if row.moved_from]
    last = max((row.at for row in came), default=None)
    first = min((row.seq for row in came if row.at == last), default=0)
    return [row for row in until if row.seq >= first]


def _earlier(rows: Iterable[Row[Any]]) -> list[tuple[bytes, int]]:
    """Return the older fingerprints, each with the event that changed it."""
    return [(row.moved_from, row.seq) for row in rows if row.moved_from]


def _under(db: Session, fingerprint: bytes) -> Iterator[Row[Any]]:
    query = (
        select(ConsentEvent.seq, ConsentEvent.mac, ConsentEvent.payload_digest,
               *ConsentPayload.__table__.columns,
               Wording.text.label("wording"), Wording.locale.label("wording_locale"))
        .join(ConsentPayload, ConsentPayload.event_id == ConsentEvent.id)
        .outerjoin(Wording, Wording.sha256 == ConsentPayload.wording_sha256)
        .where(ConsentPayload.fingerprint == fingerprint)
    )  # fmt: skip
    yield from db.execute(query)


def _letters(
    fingerprint: bytes, rows: list[Row[Any]], names: Mapping[UUID, str], suppressed: SuppressionReason | None
) -> list[NewsletterRecord]:
    by_newsletter: dict[UUID, list[ConsentEntry]] = {}
    for row in rows:
        by_newsletter.setdefault(row.newsletter_id, []).append(_entry(row, fingerprint))
    return [
        NewsletterRecord(
            names.get(newsletter_id, str(newsletter_id)), eligibility.standing(entries, suppressed), entries
        )
        for newsletter_id, entries in by_newsletter.items()
    ]


def _entry(row: Row[Any], fingerprint: bytes) -> ConsentEntry:
    return ConsentEntry(
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        channel=row.channel,
        form_version=row.form_version,
        wording=row.wording,
        wording_sha256=row.wording_sha256.hex() if row.wording_sha256 else None,
        wording_locale=row.wording_locale,
        source=row.source,
        consented_at=row.consented_at,
        legal_text=row.legal_text,
        import_id=row.import_id,
        moved_from=row.moved_from.hex() if row.moved_from else None,
        moved_to=row.moved_to.hex() if row.moved_to else None,
        away=row.moved_to is not None and row.fingerprint == fingerprint,
        mac=row.mac.hex(),
        intact=chain.payload_digest(row) == row.payload_digest,
    )


def as_dict(record: ConsentRecord, verified: Verification | None = None) -> dict[str, Any]:
    """Return what JSON shows, with the verification of the whole chain, where one was made."""
    shown = asdict(record) | ({"verification": _verdict(verified)} if verified else {})
    for letter in shown["letters"]:
        for entry in letter["entries"]:
            entry["consented_at"] = consented_on(entry["consented_at"])
    return shown


def consented_on(at: datetime | None) -> str | None:
    """Return when an imported consent was given, as its file said it: a day stays that day."""
    return day_or_instant(at, settings().zone) if at else None


def _verdict(verified: Verification) -> dict[str, Any]:
    return {
        "whole": verified.whole,
        "events": verified.events,
        "payloads": verified.payloads,
        "expired": verified.expired,
        "anchors": verified.anchors,
        "last_event": verified.last_seq,
        "head": verified.head.mac.hex(),
        "first_break": verified.broken.sentence if verified.broken else None,
    }


def page(record: ConsentRecord, verified: Verification, locale: str, controller: str) -> str:
    """Return the record as one HTML page that needs no other file."""
    template = _environment().get_template("file.html")
    return template.render(
        file=record, verified=verified, t=words(locale), locale=locale, controller=controller
    )


def words(locale: str) -> dict[str, Any]:
    """Return the words of that page."""
    return i18n.words("consent", locale) | {
        "kinds": labels(ConsentKind, locale), "why": labels(Why, locale),
        "reasons": labels(SuppressionReason, locale), "faults": labels(Fault, locale),
    }  # fmt: skip


@cache
def _environment() -> Environment:
    environment = templating.environment(templates_dir() / "consent")
    environment.filters["when"] = lambda at: at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    environment.filters["consented_on"] = consented_on
    return environment
