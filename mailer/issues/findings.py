"""Hold what the checks find, and word it.  Pure."""

from dataclasses import dataclass
from datetime import date, time
from typing import Any, Literal, get_args

from mailer.core.i18n import words
from mailer.issues.checks.reasons import reason
from mailer.rendering.typography import clock, long_day, typeset

Value = str | int | date | time
Level = Literal["error", "warning", "advice"]
LEVELS: tuple[Level, ...] = get_args(Level)  # the gravest first


@dataclass(frozen=True)
class Finding:
    """Hold one thing to correct (error), to look at and acknowledge (warning), or to consider (advice)."""

    level: Level
    code: str
    where: str = ""  # the block: "blocks[3].text", or empty for the whole issue
    values: tuple[tuple[str, Value], ...] = ()

    def sentence(self, locale: str) -> str:
        """Return what is wrong and what to do, in that language."""
        return typeset(self._sentence(words("issues", locale), locale), locale)

    def why(self, locale: str) -> str:
        """Return why it matters, in that language."""
        reasons: dict[str, str] = words("checks", locale)["why"]
        return typeset(reasons[reason(self.code, reasons)], locale)

    def _sentence(self, t: dict[str, Any], locale: str) -> str:
        values = {name: _shown(value, locale) for name, value in self.values}
        own: dict[str, str] = words("checks", locale)["findings"]
        if self.code in t["links"]:
            way = own["bad_link"] if "label" in values else t["faults"]["bad_address"]
            return str(way).format(why=t["links"][self.code], **values)
        sentences = t["faults"] | t["markdown"] | own
        return str(sentences.get(self.code, t["faults"]["other"])).format(**values)


def _shown(value: Value, locale: str) -> str | int:
    """Return days and hours as the reader’s language writes them."""
    if isinstance(value, date):
        return long_day(value, locale)
    return clock(value, locale) if isinstance(value, time) else value


def error(code: str, where: str = "", **values: Value) -> Finding:
    """Return what stops the send until it is corrected."""
    return Finding("error", code, where, tuple(values.items()))


def warning(code: str, where: str = "", **values: Value) -> Finding:
    """Return what whoever approves acknowledges, one by one."""
    return Finding("warning", code, where, tuple(values.items()))


def advice(code: str, where: str = "", **values: Value) -> Finding:
    """Return what could be better, and stops nobody."""
    return Finding("advice", code, where, tuple(values.items()))
