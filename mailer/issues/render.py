"""Render an issue: blocks → MJML → HTML, and blocks → text.  Pure, but for the compiler's process.

A block is written as MJML and as text once per content: who types in one block waits for no other.

What the law asks for (controller, rights, unsubscribe link) is added by the layout: an author cannot omit it.
Personal values are markers (see rendering/merge_fields.py), replaced when a copy is made.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, lru_cache, partial
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

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
CACHED_BLOCKS = 1000  # of 100 at most in a letter, some 4 KB each


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


@dataclass(frozen=True)
class _Shared:
    """Hold what every block of an issue may show beside its own words."""

    sha256: bytes
    locale: str = field(compare=False)
    values: dict[str, Any] = field(compare=False)


@dataclass(frozen=True)
class _BlockSource:
    """Hold the inputs of one block, compared by their hash alone."""

    sha256: bytes
    block: Any = field(compare=False)
    greets: bool = field(compare=False)
    numbers: dict[int, int] = field(compare=False)  # of its dated entries, by identity
    shared: _Shared = field(compare=False)


@dataclass(frozen=True)
class _OfIssue:
    """Hold what a block may show of its issue, and no more: the key of its cache covers this."""

    demonstration: bool


def render(content: Content, publication: Publication, pictures: Mapping[str, Picture]) -> Rendered:
    """Render an issue; `pictures` tells the address and the width of each image's src.  Raises MjmlError.

    The last renderings are cached: a page shows an issue twice, and its checks render it again.
    """
    inputs = content.dump(), asdict(publication), {src: asdict(each) for src, each in pictures.items()}
    return _rendered(_Source(_hash(inputs), content, publication, pictures))


@lru_cache(maxsize=CACHED)
def _rendered(source: _Source) -> Rendered:
    content, shared = source.content, _shared(source)
    written = [_written(each) for each in _block_sources(content, shared)]
    values = shared.values | {"issue": content}
    mjml, text = (
        _environment(content.locale, is_mjml)
        .get_template("layout.mjml" if is_mjml else "layout.txt")
        .render(values, pieces=[block[not is_mjml] for block in written])
        for is_mjml in (True, False)
    )
    return Rendered(compile_holes(mjml), _tidy(text), mjml)


def _shared(source: _Source) -> _Shared:
    content, publication = source.content, source.publication
    pictures = {src: asdict(each) for src, each in source.pictures.items()}
    sha256 = _hash((asdict(publication), pictures, content.locale, content.demonstration))
    values = {
        "issue": _OfIssue(content.demonstration),
        "publication": publication,
        "legal": publication.legal,
        "picture_of": source.pictures.__getitem__,
        "theme": theme(publication.theme),
        "locale": content.locale,
    }
    return _Shared(sha256, content.locale, values)


def _block_sources(content: Content, shared: _Shared) -> Iterator[_BlockSource]:
    greets = next((block for block in content.blocks if isinstance(block, Editorial)), None)
    all_numbers = {id(entry): number for number, entry in enumerate(content.dated_entries(), 1)}
    for block in content.blocks:
        entries = getattr(block, "entries", ())
        numbers = {id(entry): all_numbers[id(entry)] for entry in entries if id(entry) in all_numbers}
        inputs = block.model_dump(mode="json"), block is greets, list(numbers.values()), shared.sha256.hex()
        yield _BlockSource(_hash(inputs), block, block is greets, numbers, shared)


@lru_cache(maxsize=CACHED_BLOCKS)
def _written(source: _BlockSource) -> tuple[Markup, Markup]:
    """Return a block as MJML and as text."""
    block, shared = source.block, source.shared
    values = shared.values | {
        "block": block, "greets": block if source.greets else None, "numbers": source.numbers,
    }  # fmt: skip
    mjml = _environment(shared.locale, True).get_template(f"blocks/{block.kind}.mjml").render(values)
    text = _environment(shared.locale, False).get_template(f"text/{block.kind}.txt").render(values)
    return Markup(mjml), Markup(text)  # noqa: S704 -- what our own template made, its values escaped


def _hash(inputs: Any) -> bytes:
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).digest()


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
