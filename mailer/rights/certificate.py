"""What the certificate of an erasure says: what went, what stays, until when, and why."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from mailer.issues.typography import long_day
from mailer.people.models import SuppressionReason
from mailer.settings import settings

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


def words(
    locale: str, until: date | None, suppressed: SuppressionReason | None, pending: Sequence[int]
) -> str:
    """What stays, a sentence a line."""
    said = [_EVIDENCE[locale].format(day=long_day(until, locale)) if until else _CASE_ONLY[locale]]
    said.append(_FUTURE[locale][suppressed is not None])
    if pending:
        numbers = ", ".join(f"n° {number}" for number in pending)
        said.append(_PENDING[locale].format(numbers=numbers))
    return "\n".join(said)


def facts(locale: str, said: str, now: datetime) -> dict[str, str]:
    """What the letter's words have holes for, besides the case's own."""
    today = now.astimezone(settings().zone).date()
    return {"words": said, "erased": long_day(today, locale), "backups": long_day(backups_until(now), locale)}


def backups_until(now: datetime) -> date:
    """The day from which no backup holds what was erased now."""
    return (now + timedelta(days=settings().backup_days)).astimezone(settings().zone).date()
