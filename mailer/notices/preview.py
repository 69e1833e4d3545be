"""Compose a sample of every notice, to an invented person, so that staff can read them over."""

from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from uuid import UUID

from mailer.core.i18n import LOCALES, words
from mailer.core.settings import Settings
from mailer.newsletters.models import Newsletter, Theme
from mailer.notices.message import ClaimedNotice, Letterhead, compose
from mailer.notices.models import NoticeKind
from mailer.notices.templates import kinds

_SUBSCRIPTIONS = frozenset({"confirmation", "own_word", "welcome", "imported", "imported_by_law", "goodbye",
                            "already", "preferences", "welcome_paused", "already_paused",
                            "own_word_paused", "preferences_last"})  # fmt: skip

_VARIANTS = {"own_word": NoticeKind.CONFIRMATION, "imported": NoticeKind.WELCOME,
             "imported_by_law": NoticeKind.WELCOME, "welcome_paused": NoticeKind.WELCOME,
             "already_paused": NoticeKind.ALREADY, "own_word_paused": NoticeKind.CONFIRMATION,
             "preferences_last": NoticeKind.PREFERENCES, "rights_last": NoticeKind.RIGHTS}  # fmt: skip


def samples(settings: Settings, theme: Theme, *, now: datetime) -> Iterator[tuple[str, EmailMessage]]:
    """Yield each notice in each language, under a name such as confirmation-fr."""
    for locale in LOCALES:
        name = words("samples", locale)["newsletter"]
        newsletter = Newsletter(
            slug="exemple", name=name, theme=theme, from_name=name,
            from_address="lettre@example.org", reply_to="contact@example.org",
            return_path_domain="retour.example.org", accent="", ground="",
        )  # fmt: skip
        for kind in kinds(locale):
            ours = Letterhead.of_controller(settings)
            head = Letterhead.of_newsletter(newsletter) if kind in _SUBSCRIPTIONS else ours
            yield f"{kind}-{locale}", compose(_sample(kind, head, locale, now, settings), settings, now)


def _sample(
    words_key: str, head: Letterhead, locale: str, now: datetime, settings: Settings
) -> ClaimedNotice:
    """Return a notice to an invented person, with links that do nothing."""
    kind = NoticeKind(words_key) if words_key in list(NoticeKind) else _VARIANTS[words_key]
    nowhere = f"{settings.public_url}/exemple"
    return ClaimedNotice(
        UUID(int=0), kind, words_key, head, "camille.dupont@example.org", "Camille Dupont", locale, 1, now,
        link=nowhere, leave=nowhere, facts=words("samples", locale)["facts"],
    )  # fmt: skip
