"""Tell one warning from another, so that whoever approves acknowledges each by name, and once.  Pure.

The key of a warning is made of its code, its facts and the words it is about: the same warning about the
same words keeps its key wherever its block is moved, and has another as soon as the words change.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mailer.issues.drafts import Document
from mailer.issues.findings import Finding

_STEP = re.compile(r"[^.\[\]]+")
_OURS = frozenset({"id", "revision", "review"})  # what a block holds beside its words


@dataclass(frozen=True)
class Warned:
    """Hold a warning that has to be acknowledged, and the key by which it is."""

    key: str
    finding: Finding
    known: bool  # whether it was acknowledged at an earlier approval, of the same words


class NotAcknowledged(Exception):
    """Say which warnings nobody has acknowledged yet."""

    def __init__(self, warned: Sequence[Warned]) -> None:
        self.warned = warned
        super().__init__(", ".join(each.finding.code for each in warned))


def key(finding: Finding, document: Document) -> str:
    """Return what names a finding of a letter."""
    facts = {name: str(value) for name, value in finding.values}
    whole = json.dumps([finding.code, facts, _words_at(document, finding.where)], sort_keys=True, default=str)
    return hashlib.sha256(whole.encode()).hexdigest()[:20]


def warned(findings: Iterable[Finding], document: Document, known: Collection[str]) -> list[Warned]:
    """Return the warnings among findings, the same one once."""
    keyed = {key(each, document): each for each in findings if each.level == "warning"}
    return [Warned(name, finding, name in known) for name, finding in keyed.items()]


def missing(warnings: Iterable[Warned], acknowledged: Collection[str]) -> list[Warned]:
    """Return those that are acknowledged neither now nor before."""
    return [each for each in warnings if not each.known and each.key not in acknowledged]


def recorded(warnings: Iterable[Warned], locale: str) -> list[dict[str, Any]]:
    """Return them as an approval keeps them: what was read and by which name."""
    return [
        {
            "key": each.key, "code": each.finding.code, "where": each.finding.where,
            "sentence": each.finding.sentence(locale),
        }
        for each in warnings
    ]  # fmt: skip


def _words_at(document: Document, where: str) -> Any:
    """Return what a path such as blocks[3].text leads to, as far as it leads; nothing for the whole issue."""
    value: Any = document
    for step in _STEP.findall(where):
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, ValueError, TypeError):
            break
    if value is document:
        return None
    return {n: v for n, v in value.items() if n not in _OURS} if isinstance(value, dict) else value
