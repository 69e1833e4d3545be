"""Say how a newsletter may present itself, and what is wrong with what was asked for.  Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from mailer.core.address import InvalidAddress, normalise
from mailer.core.i18n import LOCALES, Explained, words
from mailer.newsletters.models import LegalBasis, Theme
from mailer.rendering import colours, themes
from mailer.rendering.contrast import ENOUGH

SENDER = frozenset({"name", "from_name", "from_address", "reply_to"})  # what every copy of an issue carries
FIXED = ("slug", "return_path_domain")  # what mails that were sent lead to
LONGEST = {"name": 100, "description": 500, "from_name": 100, "signature": 600, "footer": 600}  # characters
_NOT_IN_DOMAINS = frozenset("@ \t\r\n<>,;")
MOST_LINES = 12
MOST_RUBRICS = 20


class NewsletterRefused(Explained, ValueError):
    """Tell why a newsletter cannot be, or be presented, as it was asked for."""

    sentences = "newsletters", "refused"

    def sentence(self, locale: str) -> str:
        """Return why, with numbers as they are written in that language."""
        comma = "," if locale == "fr" else "."
        facts = {
            name: str(fact).replace(".", comma) if isinstance(fact, float) else fact
            for name, fact in self.facts.items()
        }
        file, part = self.sentences
        return str(words(file, locale)[part][self.code]).format(**facts)


def tidied(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked for in the one spelling under which it is kept; what is wrong stays as it is."""
    return {name: _TIDIED.get(name, _same)(value) for name, value in values.items()}


def faults(values: Mapping[str, Any]) -> dict[str, NewsletterRefused]:
    """Return what is wrong with tidied values, by the name of the field."""
    wrong = {name: _CHECKS[name](name, value) for name, value in values.items() if name in _CHECKS}
    return {name: refused for name, refused in wrong.items() if refused}


def _same(value: Any) -> Any:
    return value


def _trimmed(value: str) -> str:
    return value.strip()


def _lines(value: str) -> str:
    return "\n".join(line.rstrip() for line in value.strip().splitlines())


def _address(value: str) -> str:
    try:
        return normalise(value)
    except InvalidAddress:
        return value.strip()


def _bare_domain(value: str) -> str:
    return _address(f"bounces@{value}").rpartition("@")[2] if _NOT_IN_DOMAINS.isdisjoint(value) else value


def _colour(value: str) -> str:
    """Return #rrggbb; a leading # may be missing, and three digits stand for six."""
    bare = value.strip().lower().removeprefix("#")
    whole = "".join(digit * 2 for digit in bare) if len(bare) == 3 else bare
    return f"#{whole}" if whole else ""


def _one_line(name: str, value: str) -> NewsletterRefused | None:
    if not value.isprintable():
        return NewsletterRefused("one_line")
    return _short(name, value)


def _required(name: str, value: str) -> NewsletterRefused | None:
    return _one_line(name, value) if value else NewsletterRefused("missing")


def _few_lines(name: str, value: str) -> NewsletterRefused | None:
    lines = value.split("\n")
    if len(lines) > MOST_LINES:
        return NewsletterRefused("lines", most=MOST_LINES)
    if not all(line.isprintable() for line in lines):
        return NewsletterRefused("unprintable")
    return _short(name, value)


def _short(name: str, value: str) -> NewsletterRefused | None:
    return NewsletterRefused("long", most=LONGEST[name]) if len(value) > LONGEST[name] else None


def _an_address(name: str, value: str) -> NewsletterRefused | None:
    try:
        normalise(value)
    except InvalidAddress:
        return NewsletterRefused(name, address=value)
    return None


def _domain(_: str, value: str) -> NewsletterRefused | None:
    alone = _NOT_IN_DOMAINS.isdisjoint(value) and not _an_address("", f"bounces@{value}")
    return None if alone else NewsletterRefused("domain", domain=value)


def _one_of(known: tuple[str, ...]) -> Callable[[str, str], NewsletterRefused | None]:
    return lambda _, value: None if value in known else NewsletterRefused("choice")


def _accent(_: str, value: str) -> NewsletterRefused | None:
    if not value or not colours.is_colour(value):
        return NewsletterRefused("colour", colour=value) if value else None
    measured = colours.least(value, themes.under_accent(value))
    return _too_pale("accent", measured, lambda: themes.readable_accent(value))


def _ground(_: str, value: str) -> NewsletterRefused | None:
    if not value or not colours.is_colour(value):
        return NewsletterRefused("colour", colour=value) if value else None
    above = themes.on_ground()
    return _too_pale("ground", colours.least(value, above), lambda: colours.nearest(value, above))


def _too_pale(code: str, measured: float, nearest: Callable[[], str]) -> NewsletterRefused | None:
    if measured >= ENOUGH:
        return None
    cut = int(measured * 100) / 100  # never rounded up to what is asked for
    return NewsletterRefused(code, ratio=cut, nearest=nearest())


def _rubrics(_: str, value: list[dict[str, str]]) -> NewsletterRefused | None:
    if len(value) > MOST_RUBRICS:
        return NewsletterRefused("rubrics", most=MOST_RUBRICS)
    wrong = (_one_line("name", rubric["title"]) for rubric in value)
    return next((NewsletterRefused(refused.code, **refused.facts) for refused in wrong if refused), None)


_TIDIED: dict[str, Callable[[Any], Any]] = {
    "name": _trimmed, "description": _trimmed, "from_name": _trimmed,
    "from_address": _address, "reply_to": _address, "return_path_domain": _bare_domain,
    "accent": _colour, "ground": _colour, "signature": _lines, "footer": _lines,
}  # fmt: skip
_CHECKS: dict[str, Callable[[str, Any], NewsletterRefused | None]] = {
    "name": _required, "description": _one_line, "from_name": _required,
    "from_address": _an_address, "reply_to": _an_address,
    "locale": _one_of(LOCALES), "theme": _one_of(tuple(Theme)), "legal_basis": _one_of(tuple(LegalBasis)),
    "return_path_domain": _domain,
    "accent": _accent, "ground": _ground, "signature": _few_lines, "footer": _few_lines, "rubrics": _rubrics,
}  # fmt: skip
EDITABLE = tuple(name for name in _CHECKS if name not in FIXED)
