"""An issue rendered once: blocks → MJML → HTML, and blocks → text.  Pure, but for the compiler's child.

What the law asks for (who writes, the rights, the way out) is put in by the layout: an author cannot leave it
out.  Personal values are markers (see merge.py), replaced when a copy is made.
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
from mailer.issues.blocks import Content
from mailer.rendering import markdown
from mailer.rendering.merge_fields import marker
from mailer.rendering.mjml import compile_holes
from mailer.rendering.themes import theme
from mailer.rendering.typography import clock, long_day, typeset

KEPT = 32  # renderings in a process’s memory, some 150 KB each


@dataclass(frozen=True)
class LegalNotice:
    """What RGPD 13 wants said, as the installation's settings say it."""

    controller_name: str
    controller_address: str
    dpo_email: str
    rights_email: str
    legal_basis: str  # "consent" or "public_task"
    recipients: str
    retention: str


@dataclass(frozen=True)
class Publication:
    """Where an issue appears: all that the layout adds to what the author wrote."""

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
    """One issue, with markers where a reader's own values go."""

    html: str
    text: str
    mjml: str


@dataclass(frozen=True)
class _Source:
    """What an issue is rendered from: two are the same if their hashes are."""

    sha256: bytes
    content: Content = field(compare=False)
    publication: Publication = field(compare=False)
    asset_urls: Mapping[str, str] = field(compare=False)


def render(content: Content, publication: Publication, asset_urls: Mapping[str, str]) -> Rendered:
    """Render an issue; `asset_urls` gives the absolute address of each image's src.  Raises MjmlError.

    A process compiles what it has rendered lately only once: a page shows it twice, and its checks read it.
    """
    said = content.dump(), asdict(publication), dict(asset_urls)
    sha256 = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()
    return _rendered(_Source(sha256, content, publication, asset_urls))


@lru_cache(maxsize=KEPT)
def _rendered(of: _Source) -> Rendered:
    content = of.content
    values = {
        "issue": content,
        "publication": of.publication,
        "legal": of.publication.legal,
        "asset": of.asset_urls.__getitem__,
        "theme": theme(of.publication.theme),
        "locale": content.locale,
        "numbers": _calendar_numbers(content),
    }
    source = _environment(content.locale, True).get_template("layout.mjml").render(values)
    text = _environment(content.locale, False).get_template("layout.txt").render(values)
    return Rendered(compile_holes(source), _tidy(text), source)


def _calendar_numbers(content: Content) -> dict[int, int]:
    """Return the number of each dated entry in the addresses of its .ics, by identity."""
    return {id(entry): number for number, entry in enumerate(content.dated_entries(), 1)}


@cache
def _environment(locale: str, mjml: bool) -> Environment:
    spaced = partial(typeset, locale=locale)
    environment = templating.environment(
        templates_dir() / "issue",
        escape=mjml,
        finalize=lambda value: spaced(value) if type(value) is str else value,
    )
    environment.filters |= {
        "markdown": lambda source: markdown.to_html(spaced(source)),
        "plain": lambda source: markdown.to_text(spaced(source)),
        "wrap": lambda said, **how: markdown.wrap(spaced(said), **how),
        "day": lambda day: long_day(day, locale),
        "hour": lambda at: clock(at, locale),
    }
    environment.globals |= {
        "hole": marker,
        "t": words("issues", locale),
        "ident": id,
        "colon": words("issues", locale)["colon"],
    }
    return environment


def _tidy(text: str) -> str:
    """No trailing blanks, at most one empty line in a row."""
    lines: list[str] = []
    for line in (line.rstrip() for line in text.splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip() + "\n"
