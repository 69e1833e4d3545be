"""What the certificate of an erasure says: what went, what stays, until when, and why."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from mailer.core import i18n
from mailer.core.settings import settings
from mailer.rendering.typography import long_day, typeset
from mailer.subscribers.models import SuppressionReason


@dataclass(frozen=True)
class Erasure:
    """What was done, and what stays until when: what the certificate says, for the screen too."""

    case_id: UUID
    number: int
    by: str  # who asked for it: a staff id, "terminal", or "person"
    never_again: bool
    first: bool  # it is done now; else this tells again what was done
    rows: dict[str, int]  # by table: gone, or without the person
    handed: list[date]  # when staff took out files with the person in them (RGPD 19)
    evidence_until: date | None  # None: there was none
    backups_until: date
    suppressed: SuppressionReason | None
    pending: list[int]  # numbers of other requests that still await their answer, at this address


def words(locale: str, of: Erasure) -> str:
    """Return what stays, a sentence a line."""
    until = of.evidence_until
    says = i18n.words("rights", locale)["erasure"]
    said = [says["evidence"].format(day=long_day(until, locale)) if until else says["case_only"]]
    said.append(says["never_again" if of.suppressed else "may_come_back"])
    if of.pending:
        numbers = ", ".join(f"n° {number}" for number in of.pending)
        said.append(says["pending"].format(numbers=numbers))
    if of.handed:
        days = ", ".join(long_day(day, locale) for day in of.handed)
        said.append(says["handed"].format(days=days))
    return "\n".join(typeset(each, locale) for each in said)


def facts(locale: str, said: str, now: datetime) -> dict[str, str]:
    """Return what the letter's words have holes for, besides the case's own."""
    today = now.astimezone(settings().zone).date()
    return {"words": said, "erased": long_day(today, locale), "backups": long_day(backups_until(now), locale)}


def backups_until(now: datetime) -> date:
    """Return the day from which no backup holds what was erased now."""
    return (now + timedelta(days=settings().backup_days)).astimezone(settings().zone).date()
