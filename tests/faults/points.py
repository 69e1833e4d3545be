"""Named points in the life of a worker, where a test has something happen.

They are put around the seams between the product's files, from outside: the product knows nothing of them.
A point is passed many times; what a `Point` asks for happens at one of those passes.
"""

import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mailer.delivery import audience, claim, ledger, recovery
from mailer.delivery.worker import SendWorker
from mailer.smtp.relay import Relay
from mailer.smtp.session import BodyPermission, TransactionEnd

FREEZE = ("freeze.before", "freeze.inside", "freeze.committed")
CLAIM = ("claim.before", "claim.inside", "claim.committed")
RECORD = ("record.before", "record.inside", "record.committed")
RECOVER = ("settle_abandoned.before", "settle_abandoned.inside", "settle_abandoned.committed")
BEGIN = ("begin.before", "begin.after")  # around the decision to begin, and its line in the journal
BODY = ("body.middle", "body.dot")  # half of it written; all of it, and no reply seen
REPLY = ("reply.before", "reply.after")  # around the journal's line of a reply that has come
ALL = (*FREEZE, *CLAIM, *RECORD, *BEGIN, *BODY, *REPLY)  # those that a send passes by itself


class Then(StrEnum):
    """What happens at the point."""

    KILL = "kill"  # SIGKILL to oneself
    STOP = "stop"  # SIGSTOP: until the test says SIGCONT
    TERM = "term"  # SIGTERM to oneself, and go on
    WAIT = "wait"  # until the test says so: it does something else meanwhile
    LOSE = "lose"  # after a commit: its answer never comes


@dataclass(frozen=True)
class Point:
    name: str
    then: Then
    nth: int = 1  # at which pass

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Points:
    """The points of this process, and where it says that it reached one."""

    def __init__(self, wanted: list[Point], mark: Path) -> None:
        self._wanted = {(point.name, point.nth): point.then for point in wanted}
        self._mark = mark
        self._passed: Counter[str] = Counter()
        self._in_transaction: list[str] = []
        self.wires: set[Wire] = set()

    def due(self, name: str) -> bool:
        """Count a pass; whether this is the one."""
        self._passed[name] += 1
        return (name, self._passed[name]) in self._wanted

    def reach(self, name: str) -> None:
        if self.due(name):
            self.happen(name)

    def happen(self, name: str) -> None:
        """Say where we are, then let happen what was asked for."""
        then = self._wanted[name, self._passed[name]]
        said = {"name": name, "nth": self._passed[name], "connections": len(self.wires)}
        unseen = self._mark.with_suffix(".new")
        unseen.write_text(json.dumps(said))
        unseen.rename(self._mark)
        match then:
            case Then.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            case Then.STOP:
                os.kill(os.getpid(), signal.SIGSTOP)
            case Then.TERM:
                os.kill(os.getpid(), signal.SIGTERM)
            case Then.WAIT:
                while self._mark.exists():
                    time.sleep(0.002)
            case Then.LOSE:
                raise OperationalError("COMMIT", {}, psycopg.OperationalError("no answer"))

    # -- transactions --------------------------------------------------------

    def around(self, module: Any, function: str, did_something: Callable[..., bool]) -> None:
        """Put before, inside and committed around a function that writes in its caller's transaction."""
        real = getattr(module, function)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.reach(f"{function}.before")
            result = real(*args, **kwargs)
            if did_something(result, *args):
                self.reach(f"{function}.inside")
                self._in_transaction.append(function)
            return result

        setattr(module, function, wrapped)

    def committed(self, _: Session) -> None:
        done, self._in_transaction = self._in_transaction, []
        for function in done:
            self.reach(f"{function}.committed")

    def rolled_back(self, _: Session) -> None:
        self._in_transaction = []


class Wire:
    """A socket that knows when a body leaves it."""

    def __init__(self, raw: socket.socket, points: Points) -> None:
        self._raw, self._points = raw, points
        points.wires.add(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def close(self) -> None:
        self._points.wires.discard(self)
        self._raw.close()

    def send(self, data: Any, *flags: Any) -> int:
        end = bytes(data).find(b"\r\n.\r\n")
        if end < 0:
            return self._raw.send(data, *flags)
        if self._points.due("body.middle"):
            self._raw.send(bytes(data)[: end // 2])
            self._points.happen("body.middle")
            return end // 2
        sent = self._raw.send(data, *flags)
        if sent >= end + 5:
            self._points.reach("body.dot")
        return sent


def install(points: Points) -> None:
    """Put the points in place, in this process and for good."""
    points.around(audience, "freeze", lambda result, *_: result is not None)
    points.around(claim, "claim", lambda taken, *_: bool(taken.rows))
    points.around(ledger, "record", lambda _, *args: bool(args[2]))
    points.around(recovery, "settle_abandoned", lambda *_: True)
    event.listen(Session, "after_commit", points.committed)
    event.listen(Session, "after_rollback", points.rolled_back)
    _around_the_wire(points)
    _around_the_owner(points)


def _around_the_wire(points: Points) -> None:
    real = Relay.connect

    def connect(self: Relay, **patience: Any) -> Any:
        client = real(self, **patience)
        client.sock = Wire(client.sock, points)  # type: ignore[assignment, arg-type]
        return client

    Relay.connect = connect  # type: ignore[method-assign]


def _around_the_owner(points: Points) -> None:
    may_begin, ended = SendWorker.may_begin, SendWorker.ended

    def wrapped_begin(self: SendWorker, session: Any, message: Any) -> BodyPermission:
        points.reach("begin.before")
        permission = may_begin(self, session, message)
        if permission is BodyPermission.BEGIN:
            points.reach("begin.after")
        return permission

    def wrapped_ended(self: SendWorker, session: Any, message: Any, end: TransactionEnd, answer: Any) -> None:
        if end is TransactionEnd.ANSWERED:
            points.reach("reply.before")
        ended(self, session, message, end, answer)
        if end is TransactionEnd.ANSWERED:
            points.reach("reply.after")

    SendWorker.may_begin, SendWorker.ended = wrapped_begin, wrapped_ended  # type: ignore[method-assign]
