"""What the certificate of an erasure says: what went, what stays, until when, and why."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from mailer.core.settings import settings
from mailer.rendering.typography import french, long_day
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


_EVIDENCE = {
    "fr": (
        "La preuve de votre consentement et de sa fin reste jusqu’au {day} sous une empreinte à clé secrète "
        "qui ne redonne pas votre adresse : nous devons pouvoir montrer pourquoi nous vous avons écrit "
        "(article 7, paragraphe 1, du RGPD). Le dossier de cette demande reste sous la même empreinte."
    ),
    "en": (
        "A proof of your consent and of its end stays until {day}, under a keyed fingerprint that does not "
        "give your address back: we must be able to show why we wrote to you (article 7(1) of the GDPR). "
        "The file of this request stays under the same fingerprint."
    ),
}
_CASE_ONLY = {
    "fr": (
        "Seul le dossier de cette demande reste, sous une empreinte à clé secrète qui ne redonne pas votre "
        "adresse."
    ),
    "en": "Only this request’s file stays, under a keyed fingerprint that does not give your address back.",
}
_FUTURE = {
    "fr": {
        True: (
            "Cette empreinte empêche aussi que l’on vous écrive de nouveau, sauf si vous vous réinscrivez "
            "vous-même."
        ),
        False: "Rien n’empêche que vous vous réinscriviez un jour.",
    },
    "en": {
        True: ("It also keeps anybody from writing to you again, unless you sign up again yourself."),
        False: "Nothing keeps you from signing up again one day.",
    },
}
_PENDING = {
    "fr": "Vos autres demandes en cours ({numbers}) gardent votre adresse jusqu’à notre réponse.",
    "en": "Your other open requests ({numbers}) keep your address until we have answered them.",
}


_HANDED = {
    "fr": (
        "Avant cela, des fichiers d’abonnés où vous figuriez ont été remis ({days}). Notre délégué à la "
        "protection des données est chargé d’en avertir ceux qui les ont reçus (article 19 du RGPD) ; "
        "demandez-lui qui ils sont."
    ),
    "en": (
        "Before that, files of subscribers with you in them were handed out ({days}). Our data protection "
        "officer is to tell those who received them (article 19 of the GDPR); ask who they are."
    ),
}


def words(locale: str, of: Erasure) -> str:
    """Return what stays, a sentence a line."""
    until = of.evidence_until
    said = [_EVIDENCE[locale].format(day=long_day(until, locale)) if until else _CASE_ONLY[locale]]
    said.append(_FUTURE[locale][of.suppressed is not None])
    if of.pending:
        numbers = ", ".join(f"n° {number}" for number in of.pending)
        said.append(_PENDING[locale].format(numbers=numbers))
    if of.handed:
        days = ", ".join(long_day(day, locale) for day in of.handed)
        said.append(_HANDED[locale].format(days=days))
    return "\n".join(french(each) if locale == "fr" else each for each in said)


def facts(locale: str, said: str, now: datetime) -> dict[str, str]:
    """Return what the letter's words have holes for, besides the case's own."""
    today = now.astimezone(settings().zone).date()
    return {"words": said, "erased": long_day(today, locale), "backups": long_day(backups_until(now), locale)}


def backups_until(now: datetime) -> date:
    """Return the day from which no backup holds what was erased now."""
    return (now + timedelta(days=settings().backup_days)).astimezone(settings().zone).date()
