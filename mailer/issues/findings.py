"""Hold what the checks find, and word it.  Pure."""

from dataclasses import dataclass
from typing import Literal

from mailer.core.i18n import words


@dataclass(frozen=True)
class Finding:
    """Hold one thing to correct (error) or to look at (warning)."""

    level: Literal["error", "warning"]
    code: str
    where: str = ""  # the block: "blocks[3]", or empty for the whole issue
    values: tuple[tuple[str, str | int], ...] = ()

    def sentence(self, locale: str) -> str:
        return str(words("issues", locale)["findings"][self.code]).format(**dict(self.values))
