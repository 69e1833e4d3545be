"""Put a notice's words in their layout: subject, HTML and text, with markers for what is personal.

The words of every notice are in templates/words/notices.yaml.  A page is compiled once per kind, language and
newsletter in a process.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from jinja2 import Environment

from mailer.core import i18n, templating
from mailer.core.paths import templates_dir
from mailer.rendering.markdown import WIDTH, wrap
from mailer.rendering.merge_fields import fill, marker
from mailer.rendering.mjml import PREVIEW_FILLER, compile_holes
from mailer.rendering.themes import palette
from mailer.rendering.typography import french

LINK, LEAVE = "link", "leave"
_FACT = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Frame:
    """Hold what the layout shows around the words of a notice."""

    newsletter: str
    theme: str
    controller: str
    public_url: str
    accent: str = ""
    ground: str = ""


@dataclass(frozen=True)
class NoticePage:
    """Hold a notice with markers for the greeting, the link, and the facts its words name."""

    subject: str
    html: str
    text: str


@lru_cache(maxsize=200)
def notice_page(kind: str, locale: str, frame: Frame) -> NoticePage:
    """Return the notice of this kind, in that language.  Raises KeyError on an unknown kind."""
    words = {name: _fill_newsletter(text, frame.newsletter) for name, text in _words(locale, kind).items()}
    values = {
        "t": words,
        "locale": locale,
        "newsletter": frame.newsletter,
        "controller": frame.controller,
        "theme": palette(frame.theme, frame.accent, frame.ground),
        "rights_url": f"{frame.public_url}/rights",
        "privacy_url": f"{frame.public_url}/privacy",
    }
    html = compile_holes(_environment(True).get_template("layout.mjml").render(values))
    return NoticePage(words["subject"], html, _environment(False).get_template("layout.txt").render(values))


def text_of(page: NoticePage, values: Mapping[str, str]) -> str:
    """Return the text part: markers replaced, then lines wrapped.  Raises KeyError on an unknown fact."""
    lines = fill(page.text, values, escape=False).splitlines()
    return "\n".join(line if len(line) <= WIDTH else wrap(line) for line in lines) + "\n"


def kinds(locale: str) -> list[str]:
    """Return every notice there are words for in that language."""
    return [kind for kind in i18n.words("notices", locale) if kind != "common"]


def _words(locale: str, kind: str) -> dict[str, Any]:
    words = i18n.words("notices", locale)
    return {"button": "", "after": [], "leave": "", **words["common"], **words[kind]}


def _fill_newsletter(text: Any, newsletter: str) -> Any:
    if isinstance(text, list):
        return [_fill_newsletter(part, newsletter) for part in text]
    return french(_FACT.sub(lambda hole: newsletter if hole[1] == "newsletter" else marker(hole[1]), text))


@cache
def _environment(mjml: bool) -> Environment:
    environment = templating.environment(templates_dir() / "mail", escape=mjml)
    environment.globals |= {"hole": marker, "PREVIEW_FILLER": PREVIEW_FILLER}
    return environment
