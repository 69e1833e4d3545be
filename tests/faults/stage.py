"""Everything a fault test stands on: servers that may be killed, a relay with a script, workers to kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import NullPool, create_engine, func, select, text, update
from sqlalchemy.orm import Session

from mailer.backup.migrate import upgrade
from mailer.core.db import utcnow
from mailer.delivery.models import Delivery
from mailer.issues.models import Issue, Revision
from mailer.monitoring.models import Alarm
from mailer.newsletters.models import Newsletter
from mailer.privacylog import decisions
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import subscriptions as consent
from mailer.subscribers.consent import anchors
from mailer.subscribers.models import Subscriber, Subscription
from tests.conftest import IDENTITY, SECRETS
from tests.faults.points import Point
from tests.faults.relay import Relay
from tests.faults.servers import Postgres, Redis
from tests.faults.worker import Orders
from tests.support.make import EPOCH, empty, import_people, make_newsletter, make_scheduled_issue
from tests.support.waiting import PATIENCE, until

LEASE = 2.0  # seconds of silence after which a worker's rows are nobody's: the tests do not wait two minutes
CONNECTIONS = 4
CONSTANTS: dict[str, Any] = {
    "mailer.delivery.ledger:SILENT_AFTER": LEASE,
    "mailer.delivery.ledger:SURE_AFTER": 0.5,
    "mailer.delivery.worker:HEARTBEAT_EVERY": 0.3,
    "mailer.core.circuit:_OURS": [0.2, 1.0],
    "mailer.monitoring.alarms:MAIL_AFTER": 0,
    "mailer.monitoring.alarms:KINDS_OF_PROCESS": [],  # these workers are no Celery processes
}


class Life:
    """A worker process, from its fork to its end."""

    def __init__(self, stage: "Stage", pid: int, mark: Path) -> None:
        self.pid, self._stage, self._mark = pid, stage, mark
        self._status: int | None = None

    def reached(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until it has reached its point; what it said there."""
        until(self._mark.exists, "the point was never reached", seconds)
        said: dict[str, Any] = json.loads(self._mark.read_text())
        return said

    def last_words(self) -> dict[str, Any]:
        """What it said at its last point; nothing if it reached none."""
        said: dict[str, Any] = json.loads(self._mark.read_text()) if self._mark.exists() else {}
        return said

    def go(self) -> None:
        """Let it pass the point where it waits."""
        self._mark.unlink()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float = PATIENCE) -> int:
        """Until its end: its exit code, or minus the signal that ended it."""
        status = self.ended(seconds)
        if status is None:
            self.signal(signal.SIGKILL)
            raise AssertionError(
                f"the worker did not end within {seconds:.0f} s: see {self._stage.worker_log}"
            )
        return status

    def ended(self, seconds: float = 0) -> int | None:
        """The same, None while it lives."""
        if self._status is None:
            self._status = self._stage.tell({"wait": self.pid, "seconds": seconds})
        return self._status


class Stage:
    """One for many tests; `reset` between two of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.worker_log = folder / "worker.log"
        own = {"MAILER_ENV_FILE": os.devnull, "MAILER_DATA_DIR": str(folder / "data")}
        for name, value in (SECRETS | IDENTITY | own).items():
            os.environ.setdefault(name, value)
        self.data_dir = Path(os.environ["MAILER_DATA_DIR"])  # this process decides for people there as well
        self.data_dir.mkdir(exist_ok=True)
        self.postgres, self.redis = Postgres(folder), Redis(folder)
        self.relay = Relay(folder / "relay.log")
        self.engine = create_engine(
            self.postgres.url.replace("postgresql:", "postgresql+psycopg:"),
            poolclass=NullPool,
            connect_args={"options": f"-c statement_timeout={PATIENCE:.0f}s"},
            hide_parameters=True,
        )
        upgrade(self.engine)
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker"], env=os.environ | self.env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self._lives: list[Life] = []
        self._scheduled_at: float | None = None

    def close(self) -> None:
        """End everything, whatever has ended by itself; the zygote kills those who live."""
        with ExitStack() as ending:
            ending.callback(shutil.rmtree, self.folder)
            ending.callback(self.redis.kill)
            ending.callback(self.postgres.stop)
            ending.callback(self.relay.stop)
            ending.callback(self._zygote.communicate, timeout=PATIENCE)

    @property
    def elapsed(self) -> float:
        """Seconds since the first issue of this test was scheduled."""
        return time.monotonic() - (self._scheduled_at or time.monotonic())

    def reset(self) -> None:
        """An empty house in good health; whoever still lives is killed."""
        self._scheduled_at = None
        for life in self._lives:
            if life.ended() is None:
                life.signal(signal.SIGKILL)
                life.wait()
        self._lives.clear()
        self.relay.forget()
        self.redis.feed()
        self.redis.client().flushall()
        with self.engine.begin() as connection:
            empty(connection)
        for kept in (anchors.FOLDER, decisions.FOLDER):
            shutil.rmtree(self.data_dir / kept, ignore_errors=True)
        for file in self.data_dir.glob("*/*.journal"):
            file.unlink()

    @property
    def env(self) -> dict[str, str]:
        """For the product's processes."""
        return (
            SECRETS
            | IDENTITY
            | {
                "MAILER_ENV_FILE": os.devnull,
                "MAILER_DATABASE_URL": self.postgres.url,
                "MAILER_REDIS_URL": self.redis.url,
                "MAILER_DATA_DIR": str(self.data_dir),
                "MAILER_RELAY_URL": self.relay.url,
                "MAILER_CONNECTIONS": str(CONNECTIONS),
            }
        )

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """On the stage's own database, whatever mailer.core.db's engine is of."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    # -- what is sent --------------------------------------------------------

    def readers(self, count: int) -> Newsletter:
        """A newsletter, and so many people with a consent."""
        with self.transaction() as db:
            newsletter = make_newsletter(db)
            people = [_address(number) for number in range(count)]
            assert set(import_people(db, newsletter, people, informed_at=EPOCH)) <= {"new"}
        with self.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
        return newsletter

    def newsletter(self) -> Newsletter:
        """The one that there is."""
        with self.transaction() as db:
            return db.scalars(select(Newsletter)).one()

    def schedule(
        self, newsletter: Newsletter, due_in: float = 0.0, weight: int = 0, due: datetime | None = None
    ) -> UUID:
        """An approved issue, due now, in so many seconds or then; so many bytes heavier than it need be."""
        self._scheduled_at = self._scheduled_at or time.monotonic()
        with self.transaction() as db:
            issue = make_scheduled_issue(db, newsletter, words=f"Letter {uuid4()}.")
            issue.due_at = due or utcnow() + timedelta(seconds=due_in)
            if weight:
                revision = db.get_one(Revision, issue.revision_id)
                revision.html += "<!--" + "x" * weight + "-->"
            return issue.id

    def issue(self, readers: int, weight: int = 0) -> UUID:
        """An issue due now, for so many people."""
        return self.schedule(self.readers(readers), weight=weight)

    def change(self, change: Callable[[Session], object]) -> datetime:
        """Anything, in one transaction; when that was committed."""
        with self.transaction() as db:
            change(db)
        return utcnow()

    def unsubscribe(self, issue_id: UUID, position: int) -> datetime:
        """The reader at this position says no; when that was committed."""
        return self.change(
            lambda db: self._withdraw(db, db.get_one(Delivery, (issue_id, position)).subscriber_id)
        )

    def unsubscribe_email(self, email: str) -> datetime:
        """The reader with this address says no; when that was committed."""
        wanted = select(Subscriber.id).where(Subscriber.email == email)
        return self.change(lambda db: self._withdraw(db, db.scalars(wanted).one()))

    @staticmethod
    def _withdraw(db: Session, subscriber_id: UUID | None) -> None:
        wanted = select(Subscription.id).where(Subscription.subscriber_id == subscriber_id)
        consent.withdraw(db, db.scalars(wanted).one(), channel="link", now=utcnow())

    def move(self, issue_id: UUID, move: Callable[[Session, Issue], None]) -> datetime:
        """Pause, resume or cancel, as the desk does (mailer.issues.lifecycle); when that was committed."""
        return self.change(lambda db: move(db, db.get_one(Issue, issue_id)))

    def states(self, issue_id: UUID) -> Counter[str]:
        """How many rows are in each state."""
        counted = select(Delivery.state, func.count()).where(Delivery.issue_id == issue_id)
        with self.transaction() as db:
            return Counter(
                {state.value: count for state, count in db.execute(counted.group_by(Delivery.state))}
            )

    def alarms(self) -> set[str]:
        """The kinds of what a person is asked about."""
        with self.transaction() as db:
            return set(db.scalars(select(Alarm.kind).where(Alarm.resolved_at.is_(None))))

    def mails_to(self, address: str) -> int:
        """How many messages the relay took for somebody."""
        return sum(arrival.to == address for arrival in self.relay.taken())

    def hasten(self, issue_id: UUID) -> None:
        """What is deferred is due now."""
        with self.transaction() as db:
            waiting = Delivery.issue_id == issue_id, Delivery.state == DeliveryState.DEFERRED
            db.execute(update(Delivery).where(*waiting).values(due_at=utcnow()))

    # -- who sends it --------------------------------------------------------

    def worker(
        self,
        *points: Point,
        seconds: float = PATIENCE,
        constants: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        later: float = 0.0,
        skew: float = 0.0,
        forever: bool = False,
    ) -> Life:
        """Start a worker that lives until nothing is left to send, or so many seconds.

        constants: other values for the product's, by "module:NAME".  env: other settings.  later: how many
        seconds seem to have gone by.  skew: by how many its host's clock is ahead of the database's.
        forever: it waits for more, and writes no log.
        """
        mark = self.folder / f"life-{uuid4().hex}"
        orders = Orders(
            mark=str(mark),
            log=os.devnull if forever else str(self.worker_log),
            env={**self.env, **(env or {})},
            points=[point.as_dict() for point in points],
            constants={**CONSTANTS, **(constants or {})},
            seconds=seconds,
            later=later,
            skew=skew,
            forever=forever,
        )
        life = Life(self, self.tell({"live": asdict(orders)}), mark)
        self._lives.append(life)
        return life

    def tell(self, order: dict[str, Any]) -> Any:
        """Give an order to the one who forks; its answer."""
        assert self._zygote.stdin
        assert self._zygote.stdout
        self._zygote.stdin.write(json.dumps(order) + "\n")
        self._zygote.stdin.flush()
        return json.loads(self._zygote.stdout.readline())


@contextmanager
def opened() -> Iterator[Stage]:
    """A stage in a temporary folder; nothing of it is left."""
    folder = Path(tempfile.mkdtemp(prefix="mailer-faults-"))
    stage = Stage(folder)
    try:
        yield stage
    finally:
        stage.close()


def _address(number: int) -> str:
    return f"reader{number}@{('example.org', 'example.com', 'mail.example', 'example.net')[number % 4]}"
