"""Make the documents that a controller keeps, from the settings.

The register entry (RGPD 30), the privacy notice (13), the list of processors (28).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from jinja2 import Environment

from mailer.core import i18n, templating
from mailer.core.endpoint import is_loopback
from mailer.core.paths import templates_dir
from mailer.core.settings import Settings
from mailer.newsletters.models import Newsletter
from mailer.rendering.typography import long_day, typeset
from mailer.smtp.relay import Relay

PAPERS = ("register", "privacy", "processors")
_EACH = "@newsletters"


@dataclass(frozen=True)
class Section:
    """Hold a heading, and the lines under it."""

    heading: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Paper:
    """Hold one document in one language."""

    title: str
    made: str
    sections: Sequence[Section]


def compose(
    name: str, locale: str, newsletters: Sequence[Newsletter], settings: Settings, *, day: date
) -> Paper:
    """Return one of PAPERS, in one of LOCALES."""
    words = i18n.words("documents", locale)
    facts = _facts(settings, locale, day)
    lines = [_basis(words, newsletter) for newsletter in newsletters] or [words["none"]]
    paper = words["papers"][name]
    sections = [
        Section(_filled_in(heading, facts, locale), list(_filled(paragraphs, lines, facts, locale)))
        for heading, paragraphs in paper["sections"]
    ]
    return Paper(
        _filled_in(paper["title"], facts, locale), _filled_in(words["made"], facts, locale), sections
    )


def as_text(paper: Paper) -> str:
    """Return a document as plain text."""
    parts = [paper.title, "=" * len(paper.title), paper.made]
    for section in paper.sections:
        parts += ["", section.heading, "-" * len(section.heading), *(f"- {line}" for line in section.lines)]
    return "\n".join(parts) + "\n"


def as_html(paper: Paper, locale: str) -> str:
    """Return a document as an HTML page that needs no other file."""
    return _pages().get_template("paper.html").render(paper=paper, locale=locale)


def _filled(
    paragraphs: Iterable[str], newsletters: Sequence[str], facts: dict[str, Any], locale: str
) -> Iterator[str]:
    for paragraph in paragraphs:
        if paragraph == _EACH:
            yield from (typeset(line, locale) for line in newsletters)
        else:
            yield _filled_in(paragraph, facts, locale)


def _filled_in(text: str, facts: dict[str, Any], locale: str) -> str:
    return typeset(text.format(**facts), locale)


def _basis(words: Any, newsletter: Newsletter) -> str:
    return str(words["newsletter"][newsletter.legal_basis.value]).format(name=newsletter.name)


def _facts(settings: Settings, locale: str, day: date) -> dict[str, Any]:
    relay, words = Relay.parse(settings.relay_url), i18n.words("documents", locale)["relay"]
    named = (
        "controller_name", "controller_address", "dpo_email", "rights_email", "recipients", "host_name",
        "evidence_years", "retention_years", "backup_days", "public_url",
    )  # fmt: skip
    return {name: getattr(settings, name) for name in named} | {
        "day": long_day(day, locale),
        "retention": settings.kept(locale),
        "relay": words["here"] if is_loopback(relay.host) else relay.host,
        "relay_tls": words["plain" if relay.plain else "tls"],
    }


@cache
def _pages() -> Environment:
    return templating.environment(templates_dir() / "papers")
