"""Fold the lines of the privacy log that a backup lacks into the decisions that still stand.

A replay only takes permission away.  A consent, or the lifting of a ban, cancels a refusal that came before
it in the log, and gives nothing that the backup does not hold: what was agreed to since is lost, and has to
be agreed to again.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from mailer.core import appendonly
from mailer.privacylog import decisions
from mailer.privacylog.decisions import NEVER_AGAIN, Decision, LogLine, Position

_Timed = tuple[float, int, LogLine]
_ABOUT_NOBODY = {Decision.BACKUP, Decision.RESEND, Decision.CLOSE}
_ABOUT_STAFF = {Decision.STAFF_PASSWORD, Decision.STAFF_DISABLED, Decision.STAFF_ENABLED}
_YES = {Decision.CONSENT, Decision.LIFTED, Decision.RESTRICTION_LIFTED}
ANSWERED_BY = {
    Decision.ERASURE: "erasure", Decision.OBJECTION: "objection", Decision.RESTRICTION: "restriction",
    Decision.RECTIFICATION: "rectification", Decision.WITHDRAWAL: "withdrawal",
}  # fmt: skip


class LogMissing(Exception):
    """Say which host's log is not here, or is not the one the backup knew."""


class LogNotLost(Exception):
    """Say that a log which somebody called lost is here and whole, or is nobody's."""


@dataclass
class Logs:
    """Hold the lines to replay, in order, and how far each host's file goes."""

    lines: list[LogLine]
    ends: dict[str, Position]


@dataclass
class PersonDecisions:
    """Hold what one person last decided.  Each field is the line that says it."""

    withdrawn: dict[UUID, LogLine] = field(default_factory=dict)  # by newsletter
    erased: LogLine | None = None
    restricted: LogLine | None = None
    paused: LogLine | None = None
    moved: LogLine | None = None  # to another address, which only its fingerprint tells


@dataclass
class LoggedRequest:
    """Hold the line that opened a case, and that of the act which answered it, if there is one."""

    opened: LogLine
    answered: LogLine | None = None


@dataclass
class StaffDecisions:
    """Hold what became of one account of the desk.  Each field is the line that says it."""

    disabled: LogLine | None = None
    password: LogLine | None = None  # it was changed


@dataclass
class StandingDecisions:
    """Hold everybody's, by the fingerprint under which the backup knows them."""

    people: dict[bytes, PersonDecisions] = field(default_factory=dict)
    suppressed: defaultdict[bytes, list[LogLine]] = field(  # by the fingerprint not to be written to
        default_factory=lambda: defaultdict(list)
    )
    requests: dict[UUID, LoggedRequest] = field(default_factory=dict)
    agreed: defaultdict[bytes, set[UUID]] = field(  # newsletters agreed to since, and not left after
        default_factory=lambda: defaultdict(set)
    )
    frozen: set[UUID] = field(default_factory=set)  # issues whose audience was frozen since
    staff: defaultdict[UUID, StaffDecisions] = field(default_factory=lambda: defaultdict(StaffDecisions))


def collect(
    positions: Mapping[str, Sequence[int | str]], reached: Mapping[str, int], without: Set[str] = frozenset()
) -> Logs:
    """Return the lines after these positions ({host: (bytes, seal)}); each file goes as far as `reached`.

    `without`: the hosts whose log is lost for good, as a whole or from some line on; of what is left of
    such a file every line counts, since nobody knows which ones the backup holds.

    Raises LogMissing, LogNotLost, LogDamaged.
    """
    files = appendonly.files(decisions.folder())
    paths = {path.name.removesuffix(appendonly.SUFFIX): path for path in files}
    known = set(positions) | set(reached)
    if missing := sorted(known - set(paths) - without) or (not paths and not without and ["any machine"]):
        raise LogMissing(
            f"the privacy log of {', '.join(missing)} is not in {decisions.folder()}: copy it there "
            "from that machine, or from its own backup; without it, people who left would be written to "
            "again. If it is lost for good: --without, and its name"
        )
    if unknown := sorted(without - known):
        raise LogNotLost(f"no machine is known as {', '.join(unknown)}: known are {', '.join(sorted(known))}")
    parts, ends = [], {}
    for host, path in paths.items():
        known_end = positions.get(host, (0, path.name))
        lines, ends[host], whole = _after(path, *known_end)
        whole = whole and ends[host].size >= reached.get(host, 0)
        if host in without and whole:
            raise LogNotLost(f"the privacy log of {host} is here, and whole: replay it")
        if host not in without and not whole:
            raise LogMissing(_INCOMPLETE.format(path=path))
        parts.append(_lines(path) if host in without else lines)
    return Logs([line for _, _, line in heapq.merge(*parts, key=_order)], ends)


_INCOMPLETE = (
    "{path} is not the log that the backup knew, or lacks lines at its end, which the backup or the anchors "
    "know of: put the whole one in its place. If those lines are lost for good: --without, and its name"
)


def _order(item: _Timed) -> tuple[float, int]:
    return item[:2]


def _after(path: Path, size: int | str, seal: int | str) -> tuple[list[_Timed], Position, bool]:
    """Return the lines after this position, the end, and whether the file has that position."""
    end = decisions.beginning(path)
    known, after = (end.size, end.seal) == (size, seal), []
    for timed, end in _timed(path):
        if end.size > int(size):
            after.append(timed)
        known = known or (end.size, end.seal) == (size, seal)
    return after, end, known


def _lines(path: Path) -> list[_Timed]:
    return [timed for timed, _ in _timed(path)]


def _timed(path: Path) -> Iterator[tuple[_Timed, Position]]:
    """Yield every line with its time (never before the line above), and where it ends."""
    latest = 0.0
    for line, end in decisions.read(path):
        latest = max(latest, line.at.timestamp())
        yield (latest, line.entry.decision not in _YES, line), end


def fold(lines: Iterable[LogLine]) -> StandingDecisions:
    """Return what still stands after these lines, which are in order."""
    folding = _Folding()
    for line in lines:
        folding.add(line)
    return folding.standing


class _Folding:
    def __init__(self) -> None:
        self.standing = StandingDecisions()
        self._open: defaultdict[tuple[bytes, str], list[LoggedRequest]] = defaultdict(
            list
        )  # by person and right
        self._first: dict[bytes, bytes] = {}  # the fingerprint the backup knows, by the present one

    def add(self, line: LogLine) -> None:
        entry = line.entry
        known = self._first.get(entry.fingerprint, entry.fingerprint)
        self._answer(line)
        if entry.decision is Decision.CASE and entry.subject:
            request = self.standing.requests[entry.subject] = LoggedRequest(line)
            self._open[entry.fingerprint, entry.detail or ""].append(request)
        elif entry.decision in {Decision.SUPPRESSION, Decision.OBJECTION}:
            self.standing.suppressed[entry.fingerprint].append(line)
        elif entry.decision is Decision.LIFTED:
            self.standing.suppressed.pop(entry.fingerprint, None)
        elif entry.decision is Decision.CONSENT and entry.subject:
            self._agree(known, entry.fingerprint, entry.subject)
        elif entry.decision is Decision.RECTIFICATION and entry.detail:
            self._move(known, entry.fingerprint, bytes.fromhex(entry.detail), line)
        elif entry.decision is Decision.FREEZE and entry.subject:
            self.standing.frozen.add(entry.subject)
        elif entry.decision in _ABOUT_STAFF and entry.subject:
            self._staff(entry.subject, line)
        elif entry.decision not in _ABOUT_NOBODY:
            self._apply(known, line)

    def _staff(self, account: UUID, line: LogLine) -> None:
        known = self.standing.staff[account]
        if line.entry.decision is Decision.STAFF_PASSWORD:
            known.password = line
        else:
            known.disabled = line if line.entry.decision is Decision.STAFF_DISABLED else None

    def _person(self, known: bytes) -> PersonDecisions:
        return self.standing.people.setdefault(known, PersonDecisions())

    def _apply(self, known: bytes, line: LogLine) -> None:
        decision, subject, person = line.entry.decision, line.entry.subject, self._person(known)
        if decision is Decision.WITHDRAWAL and subject:
            person.withdrawn[subject] = line
            self.standing.agreed[known].discard(subject)
        elif decision is Decision.ERASURE:
            person.erased, person.restricted, person.paused, person.moved = line, None, None, None
            person.withdrawn.clear()
            self.standing.agreed.pop(known, None)
            if line.entry.detail == NEVER_AGAIN:  # of that address alone, until its owner comes back
                self.standing.suppressed[line.entry.fingerprint].append(line)
        elif decision is Decision.RESTRICTION:
            person.restricted = line
        elif decision is Decision.RESTRICTION_LIFTED:
            person.restricted = None
        elif decision in {Decision.PAUSE, Decision.PAUSE_ENDED}:
            person.paused = line if decision is Decision.PAUSE else None

    def _agree(self, known: bytes, fingerprint: bytes, newsletter: UUID) -> None:
        self.standing.suppressed.pop(fingerprint, None)
        self.standing.agreed[known].add(newsletter)
        if known in self.standing.people:
            self.standing.people[known].withdrawn.pop(newsletter, None)

    def _move(self, known: bytes, old: bytes, new: bytes, line: LogLine) -> None:
        self._first.pop(old, None)
        if new == known:  # the change was undone
            self._person(known).moved = None
            return
        self._first[new] = known
        self._person(known).moved = line

    def _answer(self, line: LogLine) -> None:
        for request in self._open.pop((line.entry.fingerprint, ANSWERED_BY.get(line.entry.decision, "")), ()):
            request.answered = line
