"""Every notice as it will be received, to nobody real: for whoever reads them over before they leave."""

from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from uuid import UUID

from mailer.core.settings import Settings
from mailer.newsletters.models import Newsletter, Theme
from mailer.notices.message import Claimed, Letterhead, compose
from mailer.notices.models import NoticeKind
from mailer.notices.templates import kinds

LOCALES = ("fr", "en")
_NAMES = {"fr": "La lettre d’exemple", "en": "The example letter"}
_FACTS = {
    "fr": {
        "source": "inscriptions du salon de novembre",
        "consented_on": "12 novembre 2026",
        "legal_text": "décret d’exemple, article 3",
        "number": "17",
        "right": "accès, article 15 du RGPD",
        "received": "24 novembre 2026",
        "due": "24 décembre 2026",
        "days": "10",
        "left": "71",
        "dpo": "dpo@example.org",
        "lifted": "27 novembre 2026",
        "erased": "24 novembre 2026",
        "backups": "24 décembre 2026",
        "since": "24 décembre 2023",
        "until": "24 décembre 2026",
        "letters": "La lettre d’exemple",
        "words": "Vos mots, sur une ligne,\nou sur deux.",
    },
    "en": {
        "source": "sign-ups at the November fair",
        "consented_on": "12 November 2026",
        "legal_text": "example decree, article 3",
        "number": "17",
        "right": "access, article 15 of the GDPR",
        "received": "24 November 2026",
        "due": "24 December 2026",
        "days": "10",
        "left": "71",
        "dpo": "dpo@example.org",
        "lifted": "27 November 2026",
        "erased": "24 November 2026",
        "backups": "24 December 2026",
        "since": "24 December 2023",
        "until": "24 December 2026",
        "letters": "The example letter",
        "words": "Your words, on one line,\nor on two.",
    },
}
_SUBSCRIPTIONS = frozenset({"confirmation", "own_word", "welcome", "imported", "imported_by_law", "goodbye",
                            "already", "preferences"})  # fmt: skip

_VARIANTS = {"own_word": NoticeKind.CONFIRMATION, "imported": NoticeKind.WELCOME,
             "imported_by_law": NoticeKind.WELCOME}  # fmt: skip


def samples(settings: Settings, theme: Theme, *, now: datetime) -> Iterator[tuple[str, EmailMessage]]:
    """Yield each notice in each language, under a name such as confirmation-fr."""
    for locale in LOCALES:
        newsletter = Newsletter(
            slug="exemple", name=_NAMES[locale], theme=theme, from_name=_NAMES[locale],
            from_address="lettre@example.org", reply_to="contact@example.org",
            return_path_domain="retour.example.org",
        )  # fmt: skip
        for words in kinds(locale):
            ours = Letterhead.of_controller(settings)
            head = Letterhead.of_newsletter(newsletter) if words in _SUBSCRIPTIONS else ours
            yield f"{words}-{locale}", compose(_sample(words, head, locale, now, settings), settings, now)


def _sample(words: str, head: Letterhead, locale: str, now: datetime, settings: Settings) -> Claimed:
    """To nobody; its links lead nowhere."""
    kind = NoticeKind(words) if words in list(NoticeKind) else _VARIANTS[words]
    nowhere = f"{settings.public_url}/exemple"
    return Claimed(
        UUID(int=0), kind, words, head, "camille.dupont@example.org", "Camille Dupont", locale, 1, now,
        link=nowhere, leave=nowhere, facts=_FACTS[locale],
    )  # fmt: skip
