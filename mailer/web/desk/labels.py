"""How the desk says things: the words for states, counts and times, and the bar that draws them."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from flask_babel import format_datetime, format_decimal, get_locale, lazy_gettext, ngettext
from flask_babel import gettext as _

from mailer.core.db import transaction, utcnow
from mailer.core.export_file import ExportFormat
from mailer.core.i18n import E, Locale, labels, supported
from mailer.core.settings import settings
from mailer.delivery.reports import Progress
from mailer.issues.preview_views import PreviewMode, PreviewReader
from mailer.issues.state_machine import IssueState
from mailer.monitoring import alarms, lifecycle, sentences
from mailer.newsletters.models import LegalBasis
from mailer.rendering.local_time import shown
from mailer.rendering.typography import clock, typeset
from mailer.smtp.replies import FINAL, DeliveryState
from mailer.subscribers.eligibility import Withheld

BAR = (  # the order of the states in the bar: those of the messages that are done first
    DeliveryState.ACCEPTED, DeliveryState.REFUSED, DeliveryState.WITHHELD, DeliveryState.UNKNOWN,
    DeliveryState.DEFERRED, DeliveryState.HANDED, DeliveryState.PENDING,
)  # fmt: skip
LEVELS = {
    "error": lazy_gettext("À corriger"),
    "warning": lazy_gettext("À vérifier"),
    "advice": lazy_gettext("Conseil"),
}


class Segment(NamedTuple):
    """Hold a piece of the bar, in thousandths of its width."""

    state: DeliveryState
    x: float
    width: float


def context() -> dict[str, object]:
    """Return what the desk's templates may use beyond their own values."""
    return {
        "STATES": called(IssueState), "COUNTS": counts(), "REASONS": called(Withheld),
        "BASES": called(LegalBasis), "FINISHED": FINAL, "LEVELS": LEVELS, "language": language,
        "when": when, "briefly": briefly, "number": format_decimal, "people": people,
        "FORMATS": called(ExportFormat), "MODES": called(PreviewMode), "READERS": called(PreviewReader),
        "MODE_HINTS": called(PreviewMode, "explained"),
        "alarms": unattended, "bar": bar, "sentence": sentence, "percent": percent, "refusal": refusal,
    }  # fmt: skip


def called(of: type[E], use: str = "") -> dict[E, str]:
    """Return what the members of an enumeration are called, in the reader's language."""
    locale = language()
    return {member: typeset(said, locale) for member, said in labels(of, locale, use).items()}


def counts() -> dict[DeliveryState, tuple[str, str]]:
    """Return the states of the bar, each with its name and what it means."""
    names, meanings = called(DeliveryState), called(DeliveryState, "explained")
    return {state: (names[state], meanings[state]) for state in BAR}


def unattended() -> list[str]:
    """Return what asks for a person now, and nobody has taken on."""
    with transaction() as db:
        taken = lifecycle.acknowledged(db)
        found = alarms.RECENT.find(db, now=utcnow())
    return [alarm.sentence(language()) for alarm in found if alarm.name not in taken]


def language() -> Locale:
    """Return the reader's language."""
    locale, otherwise = get_locale(), settings().default_locale
    return supported(locale.language, otherwise) if locale else otherwise


def refusal(text: str) -> str:
    """Return why the relay refuses: its own words quoted."""
    return sentences.refusal(text, language())


def when(at: datetime) -> str:
    """In full, with the UTC time."""
    return shown(at, settings().zone, language())


def briefly(at: datetime) -> str:
    """For a table: 1 déc. 2026, 8 h; 1 Dec 2026, 08:00."""
    local = at.astimezone(settings().zone)
    return f"{format_datetime(local, 'd MMM y', rebase=False)}, {clock(local, language())}"


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
            "%(final)s courriels traités sur %(audience)s (%(percent)s %%)",
            final=format_decimal(progress.final),
            audience=format_decimal(progress.audience),
            percent=percent(progress),
        )
    )


def bar(progress: Progress) -> Iterator[Segment]:
    """Yield the whole bar, side by side."""
    x = 0.0
    for state in BAR:
        width = round(1000 * getattr(progress, state) / max(progress.audience, 1), 2)
        yield Segment(state, x, width)
        x = round(x + width, 2)
