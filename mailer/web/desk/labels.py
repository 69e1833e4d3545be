"""How the desk says things: the words for states, counts and times, and the bar that draws them."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from flask_babel import format_datetime, format_decimal, get_locale, lazy_gettext, ngettext
from flask_babel import gettext as _

from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.delivery.reports import Progress
from mailer.issues.states import IssueState
from mailer.monitoring import alarms
from mailer.newsletters.models import LegalBasis
from mailer.rendering.local_time import shown
from mailer.smtp.replies import DeliveryState
from mailer.subscribers.eligibility import Withheld

STATES = {
    IssueState.DRAFT: lazy_gettext("Brouillon"),
    IssueState.SCHEDULED: lazy_gettext("Programmé"),
    IssueState.SENDING: lazy_gettext("Envoi en cours"),
    IssueState.PAUSED: lazy_gettext("En pause"),
    IssueState.CANCELLED: lazy_gettext("Annulé"),
    IssueState.CLOSED: lazy_gettext("Terminé"),
}
COUNTS = {  # in the order of the bar
    DeliveryState.ACCEPTED: (
        lazy_gettext("Acceptés"),
        lazy_gettext("Le serveur d’envoi les a pris en charge."),
    ),
    DeliveryState.REFUSED: (
        lazy_gettext("Refusés"),
        lazy_gettext("Le serveur d’envoi les a refusés pour de bon."),
    ),
    DeliveryState.WITHHELD: (
        lazy_gettext("Retenus"),
        lazy_gettext("Désinscription, effacement ou annulation avant leur tour."),
    ),
    DeliveryState.UNKNOWN: (
        lazy_gettext("Incertains"),
        lazy_gettext(
            "Liaison rompue sans réponse. Ils ne repartent pas, pour n’écrire à personne deux fois."
        ),
    ),
    DeliveryState.DEFERRED: (
        lazy_gettext("Différés"),
        lazy_gettext("Le serveur d’envoi demande de réessayer plus tard."),
    ),
    DeliveryState.HANDED: (
        lazy_gettext("En cours"),
        lazy_gettext("La réponse du serveur d’envoi est attendue."),
    ),
    DeliveryState.PENDING: (lazy_gettext("À venir"), lazy_gettext("Pas encore commencés.")),
}
REASONS = {
    Withheld.ERASED: lazy_gettext("données effacées"),
    Withheld.WITHDRAWN: lazy_gettext("désinscription"),
    Withheld.SUPPRESSED: lazy_gettext("adresse en opposition"),
    Withheld.PAUSED: lazy_gettext("pause demandée"),
    Withheld.UNINFORMED: lazy_gettext("pas encore informés"),
    Withheld.CANCELLED: lazy_gettext("envoi annulé"),
}
BASES = {
    LegalBasis.CONSENT: lazy_gettext("Consentement"),
    LegalBasis.PUBLIC_TASK: lazy_gettext("Mission d’intérêt public"),
}
LEVELS = {"error": lazy_gettext("À corriger"), "warning": lazy_gettext("À vérifier")}
FINISHED = list(COUNTS)[:4]


class Segment(NamedTuple):
    """A piece of the bar, in thousandths of its width."""

    state: DeliveryState
    x: float
    width: float


def context() -> dict[str, object]:
    """Return what the desk's templates may use beyond their own values."""
    return {
        "STATES": STATES, "COUNTS": COUNTS, "REASONS": REASONS, "BASES": BASES, "FINISHED": FINISHED,
        "LEVELS": LEVELS, "language": language,
        "when": when, "briefly": briefly, "number": format_decimal, "people": people,
        "alarms": sentences, "bar": bar, "sentence": sentence, "percent": percent,
    }  # fmt: skip


def sentences() -> list[str]:
    """Return what asks for a person now."""
    with transaction() as db:
        return [alarm.sentence(language()) for alarm in alarms.find(db, now=utcnow())]


def language() -> str:
    """fr or en."""
    locale = get_locale()
    return locale.language if locale else settings().default_locale


def when(at: datetime) -> str:
    """In full, with the UTC time."""
    return shown(at, settings().zone, language())


def briefly(at: datetime) -> str:
    """For a table: 1 déc. 2026, 08:00."""
    return str(format_datetime(at.astimezone(settings().zone), "d MMM y, HH:mm", rebase=False))


def people(count: int) -> str:
    return str(ngettext("%(n)s destinataire", "%(n)s destinataires", count, n=format_decimal(count)))


def percent(progress: Progress) -> int:
    """Round down: 100 means all of them."""
    return 100 * progress.final // progress.audience if progress.audience else 0


def sentence(progress: Progress) -> str:
    """Return what is told to those who do not see the bar."""
    if not progress.audience:
        return str(_("La liste des destinataires n’est pas encore arrêtée."))
    return str(
        _(
            "%(final)s messages traités sur %(audience)s (%(percent)s %%)",
            final=format_decimal(progress.final),
            audience=format_decimal(progress.audience),
            percent=percent(progress),
        )
    )


def bar(progress: Progress) -> Iterator[Segment]:
    """Yield the whole bar, side by side."""
    x = 0.0
    for state in COUNTS:
        width = round(1000 * getattr(progress, state) / max(progress.audience, 1), 2)
        yield Segment(state, x, width)
        x = round(x + width, 2)
