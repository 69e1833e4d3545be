"""Every notice as it will be received, to nobody real: for whoever reads them over before they leave."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from uuid import UUID

from mailer.issues.models import Newsletter, Theme
from mailer.sending.models import NoticeKind
from mailer.sending.notices import Claimed, compose
from mailer.settings import Settings

LOCALES = ("fr", "en")
_NOBODY = UUID(int=0)  # a link in a sample leads to nobody
_NAMES = {"fr": "La lettre d’exemple", "en": "The example letter"}
_SOURCES = {"fr": "inscriptions du salon de novembre", "en": "sign-ups at the November fair"}
_LAWS = {"fr": "décret d’exemple, article 3", "en": "example decree, article 3"}


def samples(settings: Settings, theme: Theme, *, now: datetime) -> Iterator[tuple[str, EmailMessage]]:
    """Each notice in each language, under a name such as confirmation-fr."""
    for locale in LOCALES:
        newsletter = Newsletter(
            slug="exemple", name=_NAMES[locale], theme=theme, from_name=_NAMES[locale],
            from_address="lettre@example.org", reply_to="contact@example.org",
            return_path_domain="retour.example.org",
        )  # fmt: skip
        for name, claimed in _of_each_kind(newsletter, locale, now):
            yield f"{name}-{locale}", compose(claimed, settings, now)


def _of_each_kind(newsletter: Newsletter, locale: str, now: datetime) -> Iterator[tuple[str, Claimed]]:
    """What can be told to one person, and a welcome for each way somebody may have come."""
    for kind in NoticeKind:
        usual = Claimed(
            _NOBODY, kind, _NOBODY, _NOBODY, "camille.dupont@example.org", "Camille Dupont", locale,
            newsletter, 1, now,
        )  # fmt: skip
        yield kind.value, usual
        if kind is NoticeKind.WELCOME:
            then = now - timedelta(days=30)
            imported = replace(usual, source=_SOURCES[locale], consented_at=then)
            yield "imported", imported
            yield "imported_by_law", replace(imported, consented_at=None, legal_text=_LAWS[locale])
