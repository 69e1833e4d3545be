"""Count the register, and write it as a file for an inspection: neither names anybody."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import IO

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core import csv_writer
from mailer.core.i18n import label, words
from mailer.privacy.cases import register
from mailer.privacy.cases.deadlines import ALERTS, Alert
from mailer.privacy.models import RightsRequest

PAGE = 1_000  # rows


@dataclass(frozen=True)
class RegisterFigures:
    """Count the cases received in a period, both days included."""

    received: int
    open: int
    suspended: int
    late: int  # open, after their due date
    soon: int  # open, due within ten days
    closed: int
    in_time: int  # of the closed
    days: float | None  # the median from receipt to the end
    rights: dict[str, int]
    channels: dict[str, int]
    outcomes: dict[str, int]


def figures(
    db: Session, *, now: datetime, since: date | None = None, until: date | None = None
) -> RegisterFigures:
    """Count the register."""
    columns = (
        RightsRequest.received_at, RightsRequest.closed_at, RightsRequest.paused_at, RightsRequest.due_on,
        RightsRequest.right, RightsRequest.channel, RightsRequest.outcome,
    )  # fmt: skip
    cases = [
        case for case in db.execute(select(*columns))
        if (since or date.min) <= register.today(case.received_at) <= (until or date.max)
    ]  # fmt: skip
    today = register.today(now)
    running = [case for case in cases if case.closed_at is None and case.paused_at is None]
    lasted = [
        (register.today(case.closed_at) - register.today(case.received_at)).days
        for case in cases if case.closed_at
    ]  # fmt: skip
    return RegisterFigures(
        received=len(cases),
        open=len(cases) - len(lasted),
        suspended=len(cases) - len(lasted) - len(running),
        late=sum(case.due_on < today for case in running),
        soon=sum(timedelta(0) <= case.due_on - today <= ALERTS[Alert.SOON] for case in running),
        closed=len(lasted),
        in_time=sum(in_time(case.closed_at, case.due_on) is True for case in cases),
        days=median(lasted) if lasted else None,
        rights=dict(Counter(case.right.value for case in cases)),
        channels=dict(Counter(case.channel.value for case in cases)),
        outcomes=dict(Counter(case.outcome.value for case in cases if case.outcome)),
    )


def in_time(closed_at: datetime | None, due_on: date) -> bool | None:
    """Return whether it ended by its due date; None while it is open."""
    return register.today(closed_at) <= due_on if closed_at else None


def write(db: Session, file: IO[str], locale: str) -> int:
    """Write every case as a CSV that is safe to open in a spreadsheet; return how many."""
    add, written = csv_writer.begun(file, words("cases", locale)["columns"]), 0
    cases = select(RightsRequest).order_by(RightsRequest.number).execution_options(yield_per=PAGE)
    for case in db.scalars(cases):
        add(_cells(case, locale))
        written += 1
    return written


def _cells(case: RightsRequest, locale: str) -> Iterator[str]:
    ended = in_time(case.closed_at, case.due_on)
    yield str(case.number)
    yield label(case.right, locale)
    yield label(case.channel, locale)
    yield _day(case.received_at)
    yield _day(case.acknowledged_at)
    yield case.due_on.isoformat()
    yield _day(case.extended_at)
    yield case.extension_reason or ""
    yield _day(case.paused_at)
    yield _day(case.closed_at)
    yield label(case.outcome, locale) if case.outcome else ""
    yield case.refusal_reason or ""
    yield "" if ended is None else words("cases", locale)["yes" if ended else "no"]


def _day(at: datetime | None) -> str:
    return register.today(at).isoformat() if at else ""
