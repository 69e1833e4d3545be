"""Hold what the checks find, and word it.  Pure."""

from dataclasses import dataclass
from typing import Any, Literal

from mailer.core.i18n import words
from mailer.rendering.typography import typeset

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """Hold one thing to correct (error) or to look at (warning)."""

    level: Level
    code: str
    where: str = ""  # the block: "blocks[3].text", or empty for the whole issue
    values: tuple[tuple[str, str | int], ...] = ()

    def sentence(self, locale: str) -> str:
        """Return what is found and what to do, in that language."""
        return typeset(self._sentence(words("issues", locale)), locale)

    def _sentence(self, t: dict[str, Any]) -> str:
        values = dict(self.values)
        if self.code in t["links"]:
            way = t["findings"]["bad_link"] if "label" in values else t["faults"]["bad_address"]
            return str(way).format(why=t["links"][self.code], **values)
        sentences = t["faults"] | t["markdown"] | t["findings"]
        return str(sentences.get(self.code, t["faults"]["other"])).format(**values)


def error(code: str, where: str = "", **values: str | int) -> Finding:
    """Return what stops the send until it is corrected."""
    return Finding("error", code, where, tuple(values.items()))


def warning(code: str, where: str = "", **values: str | int) -> Finding:
    """Return what is shown to whoever approves."""
    return Finding("warning", code, where, tuple(values.items()))
