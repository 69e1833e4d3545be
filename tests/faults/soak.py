"""A seeded crash loop: `python -m tests.faults.soak --minutes 5` or `--kills 500 --seed 1`.

Letters leave without a pause while workers are killed at points drawn by chance, stopped beyond their lease,
and PostgreSQL is crashed under them.  What happened goes to standard error; the last line on standard output
is one JSON object: crashes, lost, duplicated, unknown, max_unknown_per_crash, by_phase.
"""

import argparse
import json
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import func, select

from mailer.delivery.models import Delivery
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.newsletters.models import Newsletter
from mailer.smtp.replies import DeliveryState
from tests.faults import oracle, points
from tests.faults.points import Point, Then
from tests.faults.stage import CONNECTIONS, LEASE, Life, Stage, opened
from tests.support.waiting import until

AUDIENCE = 400
MOST_PASSES = 25  # a life sends at most about so many messages
# How often each point is drawn, of a hundred.
WEIGHTS = {
    "freeze.inside": 2, "freeze.committed": 1,
    "settle_abandoned.before": 2, "settle_abandoned.inside": 2, "settle_abandoned.committed": 2,
    "claim.before": 3, "claim.inside": 7, "claim.committed": 5, "begin.before": 3, "begin.after": 9,
    "body.middle": 13, "body.dot": 14, "reply.before": 12, "reply.after": 5, "record.before": 4,
    "record.inside": 8, "record.committed": 4,
}  # fmt: skip
IN_TRANSACTION = ("freeze", "settle_abandoned", "claim", "record")
STOPS, POSTGRES = 0.03, 0.24  # shares of the lives that end so instead of by SIGKILL


@dataclass
class Tally:
    """What came of it."""

    crashes: int = 0
    unknown: int = 0
    max_unknown_per_crash: int = 0
    max_unknown_per_stop: int = 0  # a worker stopped beyond its lease: all it held is unknown
    by_phase: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    lost: int = 0
    duplicated: int = 0

    def line(self) -> str:
        said = {
            "crashes": self.crashes, "lost": self.lost, "duplicated": self.duplicated,
            "unknown": self.unknown,
            "max_unknown_per_crash": self.max_unknown_per_crash,
            "max_unknown_per_stop": self.max_unknown_per_stop,
            "by_phase": dict(sorted(self.by_phase.items())), "broken": self.broken,
        }  # fmt: skip
        return json.dumps(said)


Held = tuple[UUID, int, int]  # issue, position, fence


class Soak:
    """The loop, on a stage of its own."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.chance = stage, random.Random(seed)  # noqa: S311 -- to be repeated, not to be secret
        self.tally = Tally()
        self._issues: list[UUID] = []
        self._newsletter: Newsletter | None = None
        self._holder: dict[Held, UUID] = {}  # whom we saw hold a row, at that claim of it
        self._seen: set[Held] = set()  # unknown rows counted already
        self._lives = 0
        self._in_a_life: Counter[int] = Counter()  # unknown rows whose holder came and went within one life
        self._outlived: set[UUID] = set()  # the workers that were stopped beyond their lease
        stage.relay.offer(usual=0.002)

    def run(self, *, kills: int, minutes: float) -> Tally:
        """Until so many crashes, or so many minutes (0: no limit); then let all of it end."""
        ends = time.monotonic() + minutes * 60
        while (not kills or self.tally.crashes < kills) and (not minutes or time.monotonic() < ends):
            name = self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            self._feed(fresh=name.startswith("freeze"))
            self._life(name)
            self._show()
        self._finish()
        return self.tally

    # -- one life ------------------------------------------------------------

    def _feed(self, *, fresh: bool) -> None:
        """There is always something to send: another issue when the last one runs out, or to be frozen."""
        if self._newsletter is None:
            self._newsletter = self.stage.readers(AUDIENCE)
        if fresh or not self._issues or self._left(self._issues[-1]) < 4 * MOST_PASSES:
            self._issues.append(self.stage.schedule(self._newsletter))

    def _left(self, issue_id: UUID) -> int:
        states = self.stage.states(issue_id)
        return states["pending"] if states else AUDIENCE

    def _life(self, name: str) -> None:
        fate = self.chance.random()
        passes = 1 if name.partition(".")[0] in {"freeze", "settle_abandoned"} else MOST_PASSES
        nth = self.chance.randint(1, passes // 5 + 1 if name.startswith(IN_TRANSACTION) else passes)
        then = Then.STOP if fate < STOPS else Then.WAIT if fate < STOPS + POSTGRES else Then.KILL
        life = self.stage.worker(Point(name, then, nth), seconds=1.5)
        self._lives += 1
        match then:
            case Then.KILL:
                life.wait()
            case Then.STOP:
                self._stopped(life)
            case Then.WAIT:
                self._without_database(life)
        self._count(life, name, then)

    def _stopped(self, life: Life) -> None:
        """Beyond its lease, while another works; then it goes on, and is killed in its turn."""
        if not self._reached(life):
            return
        before = set(self._holder.values())
        self._hold()
        self._outlived |= set(self._holder.values()) - before
        other = self.stage.worker(seconds=LEASE + 2)
        until(lambda: not self._held_longer_than_a_lease(), "a stopped worker's rows stay handed")
        life.signal(signal.SIGCONT)
        time.sleep(self.chance.random() / 10)
        life.kill()
        other.wait()

    def _held_longer_than_a_lease(self) -> bool:
        long = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, LEASE)
        held = select(Delivery.position).where(
            Delivery.state == DeliveryState.HANDED, Delivery.changed_at < long
        )
        with self.stage.transaction() as db:
            return db.scalar(held.limit(1)) is not None

    def _without_database(self, life: Life) -> None:
        """PostgreSQL crashes at this very point; half the time the worker is killed with it."""
        if not self._reached(life):
            return
        self.stage.postgres.crash() if self.chance.random() < 0.5 else self.stage.postgres.kill()
        if self.chance.random() < 0.5:
            life.kill()
        self.stage.postgres.start()
        if life.ended() is None:
            life.go()
        life.wait()

    @staticmethod
    def _reached(life: Life) -> bool:
        while not life.last_words():
            if life.ended(0.005) is not None:
                return False
        return True

    # -- the account ---------------------------------------------------------

    def _count(self, life: Life, name: str, then: Then) -> None:
        if not life.last_words():
            return  # it ended by itself: nothing was left for it to pass that point
        self.tally.crashes += 1
        phase = {Then.WAIT: "postgres at ", Then.STOP: "stopped at "}.get(then, "") + name
        self.tally.by_phase[phase] += 1
        self._settle()
        self._hold()

    def _hold(self) -> None:
        """Remember who holds which rows now."""
        with self.stage.transaction() as db:
            held = select(Delivery.worker, Delivery.issue_id, Delivery.position, Delivery.fence)
            for row in db.execute(held.where(Delivery.state == DeliveryState.HANDED)):
                self._holder[row.issue_id, row.position, row.fence] = row.worker

    def _settle(self) -> None:
        """What became of the rows of the dead: how many of each are unknown.

        A claim is known by its fence.  When PostgreSQL crashes a worker takes a new name and settles what it
        had under the old one within its life, unseen by us: such rows are counted by life.
        """
        unknown = select(Delivery.issue_id, Delivery.position, Delivery.fence)
        with self.stage.transaction() as db:
            rows = db.execute(unknown.where(Delivery.state == DeliveryState.UNKNOWN))
            found = [(row.issue_id, row.position, row.fence) for row in rows]
        self.tally.unknown = len(found)
        self._in_a_life[self._lives] += len(set(found) - self._holder.keys() - self._seen)
        self._seen |= set(found)
        most = max(self._in_a_life.values())
        self.tally.max_unknown_per_crash = max(self.tally.max_unknown_per_crash, most)
        for worker, count in Counter(self._holder[row] for row in found if row in self._holder).items():
            if worker in self._outlived:
                self.tally.max_unknown_per_stop = max(self.tally.max_unknown_per_stop, count)
            else:
                self.tally.max_unknown_per_crash = max(self.tally.max_unknown_per_crash, count)

    def _show(self) -> None:
        if self.tally.crashes % 25 == 0:
            said = (
                f"\r{self.tally.crashes} crashes, {self.tally.unknown} unknown, {len(self._issues)} issues   "
            )
            sys.stderr.write(said)
            sys.stderr.flush()

    def _finish(self) -> None:
        """Let everything end in peace, and ask the oracle about each issue."""
        self.stage.relay.offer(usual=0.0)
        until(self._all_closed, "some issue did not close", 300)
        self._settle()
        arrivals = self.stage.relay.arrivals()
        for issue_id in self._issues:
            with self.stage.transaction() as db:
                said = oracle.broken(db, arrivals, issue_id)
                tally = oracle.tally(db, arrivals, issue_id)
            self.tally.lost += tally.lost
            self.tally.duplicated += tally.duplicated
            self.tally.broken += said
        if self.tally.max_unknown_per_crash > CONNECTIONS:
            self.tally.broken.append("a crash left more unknown than there were connections")
        sys.stderr.write("\n" + "".join(f"{said}\n" for said in self.tally.broken))

    def _all_closed(self) -> bool:
        self.stage.worker(seconds=20).wait()
        with self.stage.transaction() as db:
            return set(db.scalars(select(Issue.state))) == {IssueState.CLOSED}


def main() -> int:
    """Run it from the command line; 0 when every promise was kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=0, help="how long")
    parser.add_argument("--kills", type=int, default=0, help="how many crashes")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with opened() as stage:
        tally = Soak(stage, given.seed).run(
            kills=given.kills or (0 if given.minutes else 100), minutes=given.minutes
        )
    sys.stdout.write(tally.line() + "\n")
    return 1 if tally.broken else 0


if __name__ == "__main__":
    assert set(WEIGHTS) <= set(points.ALL) | set(points.RECOVER)
    raise SystemExit(main())
