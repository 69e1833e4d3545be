"""Find the files with somebody in them that staff took out, so that recipients learn of an erasure (RGPD 19).

Staff pass such files on themselves: the privacy officer informs the recipients, and is told which files they
are, without the address.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from mailer.core.audit import Audit
from mailer.core.i18n import words
from mailer.core.settings import settings
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.notices.models import NoticeKind
from mailer.privacy.cases import register
from mailer.privacy.models import RightsRequest
from mailer.rendering.typography import long_day
from mailer.staff import accounts
from mailer.subscribers.consent import consent_file
from mailer.subscribers.consent.models import ConsentKind

SUBSCRIBERS, BREACH, INSPECTION = "subscribers export", "breach affected", "consent export"
_READS = frozenset({ConsentKind.CONFIRMED, ConsentKind.IMPORTED, ConsentKind.RECTIFIED})


@dataclass(frozen=True)
class Disclosure:
    """Describe a file with people's addresses that staff took out of the service."""

    at: datetime
    newsletter: str | None  # its slug; None: of every letter
    rows: int | None  # None: the file of this person alone
    by: str  # who took it out, by name

    @property
    def day(self) -> date:
        return register.today(self.at)

    def line(self, locale: str) -> str:
        """Return it as the privacy officer reads it."""
        says = words("rights", locale)["handed"]
        what = self.newsletter or says["every_letter"]
        size = f"{what}, {self.rows} {says['rows']}" if self.rows is not None else says["of_one"]
        return f"{long_day(self.day, locale)}, {size} ({self.by})"


def files(db: Session, fingerprint: bytes) -> list[Disclosure]:
    """Return the files with this person in them, the oldest first, under whichever address they had then."""
    theirs = consent_file.fingerprints(db, fingerprint)
    events = consent_file.events(db, fingerprint)
    slugs: dict[UUID, str] = {row.id: row.slug for row in db.execute(select(Newsletter.id, Newsletter.slug))}
    known = select(Audit).where(Audit.what.in_((SUBSCRIBERS, BREACH, INSPECTION))).order_by(Audit.at)
    return [
        Disclosure(
            each.at, each.details.get("newsletter"), each.details.get("rows"), accounts.name(db, each.who)
        )
        for each in db.scalars(known)
        if _holds(each, theirs, events, slugs)
    ]


def _holds(
    file: Audit, theirs: Collection[bytes], events: Sequence[Row[Any]], slugs: Mapping[UUID, str]
) -> bool:
    """Return whether they were in it, as their consent record tells."""
    if file.what == INSPECTION:
        return bytes.fromhex(file.details["fingerprint"]) in theirs
    of_newsletter = file.details.get("newsletter")
    last = {row.newsletter_id: row.kind for row in events if row.at <= file.at}
    kinds = {kind for newsletter, kind in last.items() if of_newsletter in {None, slugs.get(newsletter)}}
    whole = file.what == BREACH or file.details.get("everybody")
    return bool(kinds - {ConsentKind.ERASED} if whole else kinds & _READS)


def tell(db: Session, case: RightsRequest, handed: Sequence[Disclosure], *, now: datetime) -> None:
    """Have the privacy officer told of the files, if there are any."""
    if not handed:
        return
    config = settings()
    locale = config.default_locale
    facts = {
        **register.facts_of(case, locale),
        "words": "\n".join(each.line(locale) for each in handed),
        "link": f"/desk/rights/{case.id}",
    }
    outbox.post(db, NoticeKind.RECIPIENTS, email=config.dpo_email, locale=locale, facts=facts, now=now)


def noted(handed: Sequence[Disclosure]) -> list[dict[str, Any]]:
    """Return them for the history of a case, without names."""
    return [{"on": each.day.isoformat(), "newsletter": each.newsletter} for each in handed]


def days(details: dict[str, Any]) -> list[date]:
    """Return the days on which files left, from what `noted` kept."""
    return sorted({date.fromisoformat(each["on"]) for each in details.get("handed", [])})
