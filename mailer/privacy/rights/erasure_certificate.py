"""Word the certificate of an erasure: what was erased, what stays, until when, and why."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from mailer.core import i18n
from mailer.core.settings import settings
from mailer.rendering.typography import long_day, typeset
from mailer.subscribers.models import SuppressionReason


@dataclass(frozen=True)
class ErasureCertificate:
    """Say what was done, and what stays until when."""

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
    earlier: bool  # they had other addresses before
    pending: list[int]  # numbers of other requests that still await their answer, at this address


def words(locale: str, certificate: ErasureCertificate) -> str:
    """Return what stays, a sentence a line."""
    until = certificate.evidence_until
    says = i18n.words("rights", locale)["erasure"]
    sentences = [says["evidence"].format(day=long_day(until, locale)) if until else says["case_only"]]
    if certificate.earlier:
        sentences.append(says["earlier"])
    sentences.append(says["never_again" if certificate.suppressed else "may_come_back"])
    if certificate.pending:
        numbers = ", ".join(f"n°\u00a0{number}" for number in certificate.pending)
        sentences.append(says["pending"].format(numbers=numbers))
    if certificate.handed:
        days = ", ".join(long_day(day, locale) for day in certificate.handed)
        sentences.append(says["handed"].format(days=days))
    return "\n".join(typeset(sentence, locale) for sentence in sentences)


def facts(locale: str, text: str, now: datetime) -> dict[str, str]:
    """Return the values of the certificate's placeholders, besides the case's own."""
    today = now.astimezone(settings().zone).date()
    return {"words": text, "erased": long_day(today, locale), "backups": long_day(backups_until(now), locale)}


def backups_until(now: datetime) -> date:
    """Return the day from which no backup holds what was erased now."""
    return (now + timedelta(days=settings().backup_days)).astimezone(settings().zone).date()
