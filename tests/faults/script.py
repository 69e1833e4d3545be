"""What a scripted relay does, where, to whom and how often.  Pure, but for the counting."""

import random
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class At(StrEnum):
    """A place in the dialogue."""

    BANNER = "banner"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"  # its first byte has come
    DOT = "dot"  # the final dot has come


class Do(StrEnum):
    """What happens there, instead of the usual reply."""

    SAY = "say"  # another reply; 421 also closes
    DROP = "drop"  # close; after the dot: without having taken the message
    RESET = "reset"  # the same, with a TCP reset
    HANG = "hang"  # never answer, never read again
    LATE = "late"  # the usual reply, after `seconds`; after the dot the message is taken at once
    TARPIT = "tarpit"  # the usual reply, a byte every `seconds`
    TAKE_DROP = "take, drop"  # after the dot: take the message, then close
    TAKE_RESET = "take, reset"
    TAKE_HANG = "take, hang"


TAKING = frozenset({Do.LATE, Do.TARPIT, Do.TAKE_DROP, Do.TAKE_RESET, Do.TAKE_HANG})


@dataclass(frozen=True)
class Rule:
    """One behaviour.  The first rule that applies wins."""

    at: At
    do: Do
    say: str = ""
    seconds: float = 0.0
    to: str = ""  # a regular expression the recipient matches (from RCPT on); "" is everybody
    after: int = 0  # only on a connection that has taken so many messages
    skip: int = 0  # the first so many passes are spared
    times: int | None = None  # and it applies to so many after them; None: to all
    each: bool = False  # skip and times are counted for each recipient apart
    odds: float = 1.0  # of applying at all

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, values: dict[str, Any]) -> "Rule":
        return cls(**{**values, "at": At(values["at"]), "do": Do(values["do"])})


class Script:
    """The rules in force, and how often each has been passed."""

    def __init__(self, rules: list[Rule], seed: int = 0) -> None:
        self._rules = [(rule, re.compile(rule.to)) for rule in rules]
        self._passed: dict[tuple[int, str], int] = {}
        self._random = random.Random(seed)  # noqa: S311 -- a seeded script, not a secret
        self.applied = 0

    def rule(self, at: At, recipient: str = "", taken: int = 0) -> Rule | None:
        """The rule that applies here and now, if any; `taken`: how many messages on this connection."""
        for number, (rule, to) in enumerate(self._rules):
            here = rule.at is at and taken >= rule.after and to.search(recipient)
            if here and self._applies(number, rule, recipient):
                self.applied += 1
                return rule
        return None

    def _applies(self, number: int, rule: Rule, recipient: str) -> bool:
        if rule.odds < 1 and self._random.random() >= rule.odds:
            return False
        key = number, recipient if rule.each else ""
        passed = self._passed[key] = self._passed.get(key, 0) + 1
        return rule.skip < passed and (rule.times is None or passed <= rule.skip + rule.times)
