"""Judge what a mail server meant by its refusal: by the rules of verdicts.toml, in their order.  Pure."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from mailer.outcomes.phrases import Phrases, fold
from mailer.outcomes.report import Judgement, Meaning

_RULES = Path(__file__).with_name("verdicts.toml")
_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,2}\.\d{1,3})(?![\d.])")
_BOTH = re.compile(r"(?<![\d.])([45]\d\d)[ \-#(]{1,3}([45]\.\d{1,2}\.\d{1,3})(?![\d.])")
_CODE = re.compile(
    r"(?:^|[:;\"'(<>\[\]=#]|said|error|code|reply|response|smtp|reason|returned|status|rejected|with|erreur|fehler|was)\s{0,8}([45]\d\d)(?![.\d])\b",
    re.IGNORECASE | re.MULTILINE,
)
_BARE = re.compile(r"[45]\d\d[ -]{0,3}(?:[45]\.\d{1,2}\.\d{1,3})?[ \t.)]{0,10}$", re.MULTILINE)
_NO_RULE = Judgement(Meaning.UNKNOWN, "no-rule")


@dataclass(frozen=True, slots=True)
class Codes:
    """Hold the codes of a refusal: RFC 3463 and RFC 5321, where they are known."""

    status: str = ""
    code: int | None = None

    @property
    def later(self) -> bool:
        """Return whether the reply asked to come back."""
        return self.code // 100 == 4 if self.code else self.status.startswith("4")


@dataclass(frozen=True)
class _Rule:
    name: str
    judgement: Judgement
    says: Phrases
    matches: re.Pattern[str] | None
    needs: Phrases
    unless: Phrases
    permanence: str  # "4", "5" or ""
    status: re.Pattern[str] | None
    code: frozenset[int]
    bare: bool

    def applies(self, folded: str, codes: Codes) -> bool:
        """Return whether this rule, of what is written, decides."""
        if self.permanence and (self.permanence == "4") != codes.later:
            return False
        written = self.says.within(folded) or (self.matches is not None and self.matches.search(folded))
        if not written or (self.needs and not self.needs.within(folded)):
            return False
        return not self.unless.within(folded)

    def fits(self, codes: Codes, *, bare: bool) -> bool:
        """Return whether this rule, of codes, decides."""
        if (self.bare and not bare) or (self.permanence == "5" and codes.later):
            return False
        if self.status is not None:
            return self.status.fullmatch(codes.status) is not None
        return codes.code in self.code


def judge(texts: Sequence[str], codes: Codes) -> Judgement:
    """Return what a refusal means.

    texts: what the server wrote, then wider and wider around it; the first in which anything is understood
    decides, then the codes do.
    """
    for stage in ("words", "vague"):
        for text in texts:
            if judgement := _by_words(stage, fold(text), codes):
                return judgement
    bare = bool(texts) and _BARE.search(texts[0]) is not None
    return next((rule.judgement for rule in _rules()["codes"] if rule.fits(codes, bare=bare)), _NO_RULE)


@lru_cache(maxsize=32)  # many recipients of one mail share its text
def _by_words(stage: str, folded: str, codes: Codes) -> Judgement | None:
    return next((rule.judgement for rule in _rules()[stage] if rule.applies(folded, codes)), None)


@lru_cache(maxsize=32)
def codes_in(text: str, status: str = "") -> Codes:
    """Return the codes written in a text; `status` stands where the text has none, or only a general one."""
    both = _BOTH.search(text)
    if both:
        return Codes(both[2], int(both[1]))
    code, written = _CODE.search(text), _STATUS.search(text)
    own = written[1] if written else ""
    general = not own or own.endswith(".0.0")
    return Codes(status if general and status else own, int(code[1]) if code else None)


@cache
def _rules() -> dict[str, list[_Rule]]:
    """Return the rules of words, of vague ones, and of codes, each in their order."""
    entries = tomllib.loads(_RULES.read_text(encoding="utf-8"))["rule"]
    return {
        "words": [_rule(entry) for entry in _staged(entries, "dialect", "text")],
        "vague": [_rule(entry) for entry in _staged(entries, "vague")],
        "codes": [_rule(entry) for entry in _staged(entries, "enhanced", "code")],
    }


def _staged(entries: list[dict[str, Any]], *stages: str) -> Iterable[dict[str, Any]]:
    return (entry for stage in stages for entry in entries if entry["stage"] == stage)


def _rule(entry: dict[str, Any]) -> _Rule:
    return _Rule(
        entry["name"],
        Judgement(Meaning(entry["verdict"]), entry["name"]),
        Phrases(entry.get("says", ())),
        re.compile("|".join(entry["matches"])) if "matches" in entry else None,
        Phrases(entry.get("needs", ())),
        Phrases(entry.get("unless", ())),
        entry.get("class", ""),
        re.compile(entry["status"]) if "status" in entry else None,
        frozenset(entry.get("code", ())),
        entry.get("bare", False),
    )
