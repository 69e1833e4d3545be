"""One person's file of consent, as an inspection may ask for it: events, wordings as shown, what follows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from jinja2 import Environment
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from mailer.core import fingerprint, i18n, templating
from mailer.core.i18n import labels
from mailer.core.paths import templates_dir
from mailer.subscribers import eligibility
from mailer.subscribers.consent import chain
from mailer.subscribers.consent.models import ConsentEvent, ConsentKind, ConsentPayload, Wording
from mailer.subscribers.consent.verify import Fault, Verification
from mailer.subscribers.eligibility import Standing, Why
from mailer.subscribers.models import Subscriber, Suppression, SuppressionReason


@dataclass(frozen=True)
class Entry:
    """One consent event, with the text that was on the screen."""

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
class Letter:
    """Everything said about one newsletter."""

    name: str
    standing: Standing
    entries: list[Entry]


@dataclass(frozen=True)
class Dossier:
    """What is held as evidence under one address."""

    email: str
    fingerprint: str
    name: str | None
    locale: str | None
    created_at: datetime | None
    suppressed: SuppressionReason | None
    suppressed_at: datetime | None
    letters: list[Letter]
    drawn_at: datetime

    @property
    def empty(self) -> bool:
        return self.created_at is None and self.suppressed is None and not self.letters


def draw(db: Session, email: str, names: Mapping[UUID, str], *, now: datetime) -> Dossier:
    """Return the file of a normalised address; `names` are the newsletters'."""
    mark = fingerprint.fingerprint(email)
    subscriber = db.scalar(select(Subscriber).where(Subscriber.fingerprint == mark))
    suppression = db.get(Suppression, mark)
    reason = suppression.reason if suppression else None
    return Dossier(
        email=email,
        fingerprint=mark.hex(),
        name=subscriber.name if subscriber else None,
        locale=subscriber.locale if subscriber else None,
        created_at=subscriber.created_at if subscriber else None,
        suppressed=reason,
        suppressed_at=suppression.at if suppression else None,
        letters=_letters(mark, events(db, mark), names, reason),
        drawn_at=now,
    )


def events(db: Session, mark: bytes) -> list[Row[Any]]:
    """Events in order; where an address became this one, those before under that one too."""
    found = {row.seq: row for row in _under(db, mark)}
    earlier = _earlier(found.values())
    while earlier:
        older, change = earlier.pop()
        new = {row.seq: row for row in _under(db, older) if row.seq < change and row.seq not in found}
        found |= new
        earlier += _earlier(new.values())
    return [found[seq] for seq in sorted(found)]


def _earlier(rows: Iterable[Row[Any]]) -> list[tuple[bytes, int]]:
    """Return the addresses these follow, and until when."""
    return [(row.moved_from, row.seq) for row in rows if row.moved_from]


def _under(db: Session, mark: bytes) -> Iterator[Row[Any]]:
    query = (
        select(ConsentEvent.seq, ConsentEvent.mac, ConsentEvent.payload_digest,
               *ConsentPayload.__table__.columns,
               Wording.text.label("wording"), Wording.locale.label("wording_locale"))
        .join(ConsentPayload, ConsentPayload.event_id == ConsentEvent.id)
        .outerjoin(Wording, Wording.sha256 == ConsentPayload.wording_sha256)
        .where(ConsentPayload.fingerprint == mark)
    )  # fmt: skip
    yield from db.execute(query)


def _letters(
    mark: bytes, rows: list[Row[Any]], names: Mapping[UUID, str], suppressed: SuppressionReason | None
) -> list[Letter]:
    by_newsletter: dict[UUID, list[Entry]] = {}
    for row in rows:
        by_newsletter.setdefault(row.newsletter_id, []).append(_entry(row, mark))
    return [
        Letter(
            names.get(newsletter_id, str(newsletter_id)), eligibility.standing(entries, suppressed), entries
        )
        for newsletter_id, entries in by_newsletter.items()
    ]


def _entry(row: Row[Any], mark: bytes) -> Entry:
    return Entry(
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
        away=row.moved_to is not None and row.fingerprint == mark,
        mac=row.mac.hex(),
        intact=chain.payload_digest(row) == row.payload_digest,
    )


def as_dict(dossier: Dossier, verified: Verification | None = None) -> dict[str, Any]:
    """For JSON: instants in ISO 8601; with the verification of the whole chain, when it was made."""
    return asdict(dossier) | ({"verification": _verdict(verified)} if verified else {})


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


def page(dossier: Dossier, verified: Verification, locale: str, controller: str) -> str:
    """Return the same as one HTML page that needs nothing else, in French or in English."""
    template = _environment().get_template("file.html")
    return template.render(
        file=dossier, verified=verified, t=words(locale), locale=locale, controller=controller
    )


def words(locale: str) -> dict[str, Any]:
    """Return what the file calls things."""
    return i18n.words("consent", locale) | {
        "kinds": labels(ConsentKind, locale), "why": labels(Why, locale),
        "reasons": labels(SuppressionReason, locale), "faults": labels(Fault, locale),
    }  # fmt: skip


@cache
def _environment() -> Environment:
    environment = templating.environment(templates_dir() / "consent")
    environment.filters["when"] = lambda at: at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return environment
