"""Render an issue: blocks → MJML → HTML, and blocks → text.  Pure, but for the compiler's process.

What the law asks for (controller, rights, unsubscribe link) is added by the layout: an author cannot omit it.
Personal values are markers (see rendering/merge_fields.py), replaced when a copy is made.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, lru_cache, partial

from jinja2 import Environment

from mailer.core import templating
from mailer.core.i18n import words
from mailer.core.paths import templates_dir
from mailer.issues.blocks import Content, Editorial
from mailer.issues.pictures import Picture, shown_width
from mailer.rendering import links, markdown
from mailer.rendering.merge_fields import marked, marker, outside
from mailer.rendering.mjml import PREVIEW_FILLER, compile_holes
from mailer.rendering.themes import theme
from mailer.rendering.typography import clock, long_day, typeset

CACHED = 32  # renderings in a process’s memory, some 150 KB each


@dataclass(frozen=True)
class LegalNotice:
    """Hold the information of RGPD 13, as the installation's settings give it."""

    controller_name: str
    controller_address: str
    dpo_email: str
    rights_email: str
    legal_basis: str  # "consent" or "public_task"
    recipients: str
    retention: str


@dataclass(frozen=True)
class Publication:
    """Hold what the layout adds to the author's content."""

    newsletter_name: str
    public_url: str
    issue_url: str
    archive_url: str
    rights_url: str
    privacy_url: str
    theme: str
    legal: LegalNotice


@dataclass(frozen=True)
class Rendered:
    """Hold a rendered issue, with markers for a reader's own values."""

    html: str
    text: str
    mjml: str


@dataclass(frozen=True)
class _Source:
    """Hold the inputs of a rendering, compared by their hash alone: the key of the cache."""

    sha256: bytes
    content: Content = field(compare=False)
    publication: Publication = field(compare=False)
    pictures: Mapping[str, Picture] = field(compare=False)


def render(content: Content, publication: Publication, pictures: Mapping[str, Picture]) -> Rendered:
    """Render an issue; `pictures` tells the address and the width of each image's src.  Raises MjmlError.

    The last renderings are cached: a page shows an issue twice, and its checks render it again.
    """
    inputs = content.dump(), asdict(publication), {src: asdict(each) for src, each in pictures.items()}
    sha256 = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).digest()
    return _rendered(_Source(sha256, content, publication, pictures))


@lru_cache(maxsize=CACHED)
def _rendered(source: _Source) -> Rendered:
    content = source.content
    values = {
        "issue": content,
        "publication": source.publication,
        "legal": source.publication.legal,
        "picture_of": source.pictures.__getitem__,
        "theme": theme(source.publication.theme),
        "locale": content.locale,
        "numbers": _calendar_numbers(content),
        "greets": next((block for block in content.blocks if isinstance(block, Editorial)), None),
    }
    mjml = _environment(content.locale, True).get_template("layout.mjml").render(values)
    text = _environment(content.locale, False).get_template("layout.txt").render(values)
    return Rendered(compile_holes(mjml), _tidy(text), mjml)


def _calendar_numbers(content: Content) -> dict[int, int]:
    """Return the number of each dated entry in the addresses of its .ics, by identity."""
    return {id(entry): number for number, entry in enumerate(content.dated_entries(), 1)}


@cache
def _environment(locale: str, mjml: bool) -> Environment:
    spaced = partial(typeset, locale=locale)
    environment = templating.environment(
        templates_dir() / "issue",
        escape=mjml,
        finalize=lambda value: spaced(marked(value)) if type(value) is str else value,
    )
    environment.filters |= {
        "markdown": lambda source: markdown.to_html(spaced(marked(source))),
        "plain": lambda source: markdown.to_text(spaced(marked(source))),
        "wrap": lambda text, **options: markdown.wrap(spaced(marked(text)), **options),
        "capitals": lambda text: outside(str.upper, marked(text)),
        "address": links.normal,
        "day": lambda day: long_day(day, locale),
        "hour": lambda at: clock(at, locale),
    }
    environment.globals |= {
        "hole": marker,
        "shown_width": shown_width,
        "PREVIEW_FILLER": PREVIEW_FILLER,
        "t": words("issues", locale),
        "ident": id,
        "colon": words("issues", locale)["colon"],
    }
    return environment


def _tidy(text: str) -> str:
    """Remove trailing blanks, and all but one of consecutive empty lines."""
    lines: list[str] = []
    for line in (line.rstrip() for line in text.splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip() + "\n"
