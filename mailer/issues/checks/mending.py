"""Hold the corrections that a button makes: a pure change of a block for each code.  Pure."""

import re
from collections.abc import Callable
from typing import Any

from mailer.issues.drafts import Values
from mailer.rendering import spelling

COLOPHON = "no_colophon"  # is mended by a block more
_NO_WORDS = frozenset(
    {"id", "kind", "revision", "review", "url", "src", "departement", "newsletter", "locale"}
)
_HTTP = re.compile(r"\bhttp://", re.IGNORECASE)
_LINKED = re.compile(r"(\]\(\s*<?|<|^\[[^\]]+\]:\s*)http://", re.IGNORECASE | re.MULTILINE)
Change = Callable[[Any], Any]  # of a value, and of all that is in it


def button(code: str) -> str | None:
    """Return the key of what the button says (`mend` in templates/words/checks.yaml), None without one."""
    if code.startswith("typo_"):
        return "typography"
    return code if code in (COLOPHON, *_CHANGES) else None


def mended(values: Values, code: str, locale: str) -> Values:
    """Return a block, or the head of a letter, with what that code names corrected.  Raises KeyError."""
    if code.startswith("typo_"):
        changed = _in_words(values, lambda text: spelling.mended(text, locale, code))
    else:
        changed = _CHANGES[code](values)
    return dict(changed)


def _in_words(value: Any, change: Change) -> Any:
    """Return a value with every text changed that a reader meets."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {n: part if n in _NO_WORDS else _in_words(part, change) for n, part in value.items()}
    return [_in_words(part, change) for part in value] if isinstance(value, list) else value


def _with_https(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _secured(name, part) for name, part in value.items()}
    return [_with_https(part) for part in value] if isinstance(value, list) else value


def _secured(name: str, part: Any) -> Any:
    if not isinstance(part, str):
        return _with_https(part)
    if name == "url":
        return _HTTP.sub("https://", part, count=1) if part.lower().startswith("http://") else part
    return _LINKED.sub(r"\1https://", part) if name == "text" else part


def _described(value: Any) -> Any:
    """Return the same in which an image that has words is not decorative."""
    if isinstance(value, dict):
        words = value.get("alt")
        return {n: _described(part) for n, part in value.items() if n != "decorative" or not words}
    return value


_CHANGES: dict[str, Change] = {"plain_http": _with_https, "alt_and_decorative": _described}
