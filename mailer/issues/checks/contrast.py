"""Check that text stands out from its background, by day and in the dark, as rendered.  Pure."""

from collections.abc import Iterator
from typing import get_args

from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding, warning
from mailer.rendering.contrast import Mode, looks

_SHOWN = 40  # characters
_MODES: tuple[Mode, ...] = get_args(Mode)


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield each pair of colours that WCAG AA refuses, with the first words that have it."""
    for look, words in looks(letter.rendered.html).items():
        for mode in _MODES:
            ratio = look.ratio(mode)
            if ratio < look.needed:
                yield warning(
                    f"contrast_{mode}",
                    shown=words[:_SHOWN],
                    ratio=f"{ratio:.1f}",
                    needed=f"{look.needed:.1f}",
                )
