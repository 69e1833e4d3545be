"""What a journal of wills comes to: read after a backup's positions, merged, folded to the last word.

Only a no is ever made good.  A yes, or a lifting, undoes a no that came before it in the journal, and gives
nothing that the backup does not hold: what was agreed to after it is lost, and has to be said again.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from mailer.core import appendonly
from mailer.privacylog import decisions
from mailer.privacylog.decisions import NEVER_AGAIN, Line, Position, Will

_YES = {Will.CONSENT, Will.LIFTED, Will.RESTRICTION_LIFTED}
ANSWERED_BY = {
    Will.ERASURE: "erasure", Will.OBJECTION: "objection", Will.RESTRICTION: "restriction",
    Will.RECTIFICATION: "rectification", Will.WITHDRAWAL: "withdrawal",
}  # fmt: skip


class JournalMissing(Exception):
    """A host's journal is not here, or is not the one the backup knew; the message says which."""


@dataclass
class Journals:
    """What was found: the lines to replay, in order, and how far each host's file goes."""

    lines: list[Line]
    ends: dict[str, Position]


@dataclass
class Wishes:
    """One person's last word.  Each is the line that says it."""

    withdrawn: dict[UUID, Line] = field(default_factory=dict)  # by newsletter
    erased: Line | None = None
    restricted: Line | None = None
    moved: Line | None = None  # to another address, which only its fingerprint tells


@dataclass
class Request:
    """A case that was opened, and the line of the act that answered it, if there is one."""

    opened: Line
    answered: Line | None = None


@dataclass
class Wills:
    """Everybody's.  People go by the fingerprint under which the backup knows them."""

    people: dict[bytes, Wishes] = field(default_factory=dict)
    barred: defaultdict[bytes, list[Line]] = field(  # by the fingerprint that is not to be written to
        default_factory=lambda: defaultdict(list)
    )
    requests: dict[UUID, Request] = field(default_factory=dict)
    agreed: defaultdict[bytes, set[UUID]] = field(  # newsletters they said yes to since, and not no after
        default_factory=lambda: defaultdict(set)
    )


def collect(positions: Mapping[str, Sequence[int | str]]) -> Journals:
    """Return the lines after these positions ({host: (bytes, seal)}).  Raises JournalMissing, Damaged."""
    logs = appendonly.files(decisions.folder())
    found = {path.name.removesuffix(appendonly.SUFFIX): path for path in logs}
    if missing := sorted(set(positions) - set(found)) or (not found and ["any machine"]):
        raise JournalMissing(
            f"the journal of wills of {', '.join(missing)} is not in {decisions.folder()}: copy it there "
            "from that machine, or from its own backup; without it, people who left would be written to again"
        )
    each = [_after(path, *positions.get(host, (0, path.name))) for host, path in found.items()]
    ends = {host: end for host, (_, end) in zip(found, each, strict=True)}
    return Journals([line for _, _, line in heapq.merge(*(lines for lines, _ in each), key=_order)], ends)


def _order(item: tuple[float, int, Line]) -> tuple[float, int]:
    return item[:2]


def _after(path: Path, size: int | str, seal: int | str) -> tuple[list[tuple[float, int, Line]], Position]:
    """Return the lines after this position with their place in time, never before the line above; and the
    end.
    """
    lines: list[tuple[float, int, Line]] = []
    end, latest = decisions.beginning(path), 0.0
    known = (end.size, end.seal) == (size, seal)
    for line, end in decisions.read(path):
        latest = max(latest, line.at.timestamp())
        if end.size > int(size):
            lines.append((latest, line.said.will not in _YES, line))
        known = known or (end.size == size and end.seal == seal)
    if not known:
        raise JournalMissing(
            f"{path} is not the journal that the backup knew, or lacks lines that it held then: put the "
            "whole one in its place"
        )
    return lines, end


def fold(lines: Iterable[Line]) -> Wills:
    """Everybody's last word, of lines in order."""
    folding = _Folding()
    for line in lines:
        folding.take(line)
    return folding.wills


class _Folding:
    def __init__(self) -> None:
        self.wills = Wills()
        self._open: defaultdict[tuple[bytes, str], list[Request]] = defaultdict(list)  # by person and right
        self._first: dict[bytes, bytes] = {}  # the fingerprint the backup knows, by the present one

    def take(self, line: Line) -> None:
        said = line.said
        who = self._first.get(said.fingerprint, said.fingerprint)
        self._answer(line)
        if said.will is Will.CASE and said.subject:
            request = self.wills.requests[said.subject] = Request(line)
            self._open[said.fingerprint, said.detail or ""].append(request)
        elif said.will in {Will.SUPPRESSION, Will.OBJECTION}:
            self.wills.barred[said.fingerprint].append(line)
        elif said.will is Will.LIFTED:
            self.wills.barred.pop(said.fingerprint, None)
        elif said.will is Will.CONSENT and said.subject:
            self._agree(who, said.fingerprint, said.subject)
        elif said.will is Will.RECTIFICATION and said.detail:
            self._move(who, said.fingerprint, bytes.fromhex(said.detail), line)
        elif said.will is not Will.BACKUP:
            self._wish(who, line)

    def _of(self, who: bytes) -> Wishes:
        return self.wills.people.setdefault(who, Wishes())

    def _wish(self, who: bytes, line: Line) -> None:
        will, subject, of = line.said.will, line.said.subject, self._of(who)
        if will is Will.WITHDRAWAL and subject:
            of.withdrawn[subject] = line
            self.wills.agreed[who].discard(subject)
        elif will is Will.ERASURE:
            of.erased, of.restricted, of.moved = line, None, None
            of.withdrawn.clear()
            self.wills.agreed.pop(who, None)
            if line.said.detail == NEVER_AGAIN:  # of that address alone, until its owner comes back
                self.wills.barred[line.said.fingerprint].append(line)
        elif will is Will.RESTRICTION:
            of.restricted = line
        elif will is Will.RESTRICTION_LIFTED:
            of.restricted = None

    def _agree(self, who: bytes, mark: bytes, newsletter: UUID) -> None:
        self.wills.barred.pop(mark, None)
        self.wills.agreed[who].add(newsletter)
        if who in self.wills.people:
            self.wills.people[who].withdrawn.pop(newsletter, None)

    def _move(self, who: bytes, old: bytes, new: bytes, line: Line) -> None:
        self._first.pop(old, None)
        if new == who:  # it was undone
            self._of(who).moved = None
            return
        self._first[new] = who
        self._of(who).moved = line

    def _answer(self, line: Line) -> None:
        for request in self._open.pop((line.said.fingerprint, ANSWERED_BY.get(line.said.will, "")), ()):
            request.answered = line
