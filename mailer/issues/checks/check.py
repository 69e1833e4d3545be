"""Run every check of an issue.  Pure."""

from collections.abc import Callable, Iterator

from mailer.issues import pictures
from mailer.issues.checks import (
    agenda_times,
    contrast,
    dates,
    dead_links,
    headline,
    images,
    language,
    links,
    markdown,
    placeholders,
    plain_language,
    remote,
    structure,
    text_part,
    typography,
    weight,
)
from mailer.issues.checks.letter import Letter
from mailer.issues.findings import LEVELS, Finding

EVERY: tuple[Callable[[Letter], Iterator[Finding]], ...] = (
    structure.findings,
    headline.findings,
    weight.findings,
    remote.findings,
    text_part.findings,
    contrast.findings,
    markdown.findings,
    images.findings,
    lambda letter: pictures.findings(letter.content, letter.pictures),
    links.findings,
    dead_links.findings,
    dates.findings,
    agenda_times.findings,
    placeholders.findings,
    language.findings,
    typography.findings,
    plain_language.findings,
)


def check(letter: Letter) -> list[Finding]:
    """Return every finding: errors first, then warnings, then advice."""
    every = [finding for findings in EVERY for finding in findings(letter)]
    return sorted(every, key=lambda finding: LEVELS.index(finding.level))
