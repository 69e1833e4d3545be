"""The pages’ catalogues; French is its own translation.  `make messages` puts them in step with the code."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from mailer.core.i18n import LOCALES
from mailer.core.paths import templates_dir, translations_dir
from mailer.rendering.typography import french

ROOT = Path(__file__).parents[2]
DATE = datetime(2026, 11, 23, tzinfo=UTC)  # in the compiled header; a fixed one, so that it can be compared
_PAGES = ("templates/web/**.html", "templates/demo/**.html")
_METHODS = [("mailer/web/**.py", "python"), *((pages, "jinja2") for pages in _PAGES)]
_OPTIONS = {pages: {"trim_blocks": "true", "lstrip_blocks": "true"} for pages in _PAGES}
_KEYWORDS = {"_": None, "_l": None, "lazy_gettext": None, "ngettext": (1, 2)}


def extracted() -> Catalog:
    """Every sentence the pages say."""
    found = Catalog(project="mailer")
    for _, _, message, _, _ in extract_from_dir(ROOT, _METHODS, _OPTIONS, _KEYWORDS):
        found.add(message)
    return found


def folder(locale: str) -> Path:
    return translations_dir() / locale / "LC_MESSAGES"


def catalogue(locale: str) -> Catalog:
    """The catalogue as its translator left it."""
    path = folder(locale) / "messages.po"
    with path.open("rb") if path.exists() else BytesIO() as file:
        return read_po(file, locale=locale)


def compiled(of: Catalog) -> bytes:
    """What the pages read."""
    of.creation_date = of.revision_date = DATE
    buffer = BytesIO()
    write_mo(buffer, of)
    return buffer.getvalue()


def _typeset(said: str | Sequence[str]) -> str | tuple[str, ...]:
    return french(said) if isinstance(said, str) else tuple(map(french, said))


def typeset_words() -> None:
    """Set the no-break spaces of the French half of each file of words; everything else stays as written."""
    for path in sorted((templates_dir() / "words").glob("*.yaml")):
        before, french_half, rest = re.split(
            r"^(fr:\n.*?)(?=^en:)", path.read_text(), maxsplit=1, flags=re.M | re.S
        )
        path.write_text(before + french(french_half) + rest)


def main() -> None:
    """Add what is new, drop what is no longer said, compile; set the spaces of the files of words."""
    typeset_words()
    for locale in LOCALES:
        of = catalogue(locale)
        of.update(extracted(), no_fuzzy_matching=True)
        of.obsolete.clear()
        for message in of if locale == "fr" else ():
            message.string = _typeset(message.id)
        folder(locale).mkdir(parents=True, exist_ok=True)
        with (folder(locale) / "messages.po").open("wb") as file:
            write_po(file, of, width=0, no_location=True, omit_header=True, sort_output=True)
        (folder(locale) / "messages.mo").write_bytes(compiled(catalogue(locale)))


if __name__ == "__main__":
    main()
