"""Name the ways to look at a letter before it leaves: on which screen, and as which reader.  Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from mailer.core.i18n import Locale
from mailer.rendering.merge_fields import UNSUBSCRIBE_URL, fill, values_for


class PreviewMode(StrEnum):
    """Name what shows the letter."""

    DESKTOP = "desktop"
    PHONE = "phone"
    DARK = "dark"
    NO_IMAGES = "no-images"
    TEXT = "text"
    READING = "reading"  # in the order of a screen reader


class PreviewReader(StrEnum):
    """Name who reads it."""

    NAMED = "named"
    LONG = "long"  # a name that may not fit
    NAMELESS = "nameless"
    OTHER = "other"  # greeting and footer in the other language


NAMES = {
    PreviewReader.NAMED: "Camille Dupont",
    PreviewReader.LONG: "Marie-Emmanuelle Vandenbroucke-Delattre Saint-Amand-Rochefoucauld Hautecloque",
    PreviewReader.NAMELESS: None,
    PreviewReader.OTHER: "Camille Dupont",
}


@dataclass(frozen=True)
class PreviewView:
    """Hold what was asked for; `mode` None: the letter itself, for any browser to show."""

    mode: PreviewMode | None = None
    reader: PreviewReader = PreviewReader.NAMED

    @classmethod
    def asked(cls, values: Mapping[str, str]) -> Self:
        """Return what a query names, and the usual for what it does not."""
        mode, reader = values.get("mode"), values.get("reader")
        return cls(
            PreviewMode(mode) if mode in list(PreviewMode) else None,
            PreviewReader(reader) if reader in list(PreviewReader) else PreviewReader.NAMED,
        )

    def locale(self, written: Locale) -> Locale:
        """Return the language of greeting and footer, of a letter that is written in one."""
        if self.reader is not PreviewReader.OTHER:
            return written
        return "en" if written == "fr" else "fr"

    def filled(self, text: str, locale: Locale, *, escape: bool) -> str:
        """Return a part of the letter as this reader gets it; the unsubscribe link leads nowhere."""
        values = values_for(locale, NAMES[self.reader]) | {UNSUBSCRIBE_URL: "#"}
        return fill(text, values, escape=escape)
