"""Name what most likely keeps work waiting."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from mailer.core import circuit, heartbeats, jobs, restore_lock

SILENT_AFTER = timedelta(seconds=90)  # without a heartbeat of beat, or of any worker of a queue


class Cause(StrEnum):
    """Say why work waits; `detail`, in its label, is a hold's reason, a name or a figure."""

    DISARMED = "disarmed"
    RELAY = "relay"  # on hold
    JOURNAL = "journal"
    DKIM = "dkim"
    INBOX = "inbox"
    PROVIDER = "provider"
    TICKS = "ticks"  # no sign of life from any worker of this queue; it writes beat's, so it comes first
    BEAT = "beat"
    LETTERS = "letters"
    NOTICES = "notices"
    CHORES = "chores"
    JOB = "job"  # that fails
    RATE = "rate"
    NOT_KNOWN = "not_known"


QUICK = "ticks", "beat"  # the processes that look for what is due


@dataclass(frozen=True)
class Needs:
    """Hold what some work needs in order to get on."""

    processes: tuple[str, ...]
    circuits: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()  # the first words of their names
    providers: tuple[str, ...] = ()  # all that it waits for are on hold
    rate: float = 0  # messages a second; 0: not what keeps it
    disarmed: bool = True  # it stands still while the service is disarmed


Found = tuple[Cause, str]


def likely(db: Session, needs: Needs, *, now: datetime) -> Found:
    """Return the likely cause, and its detail: of several, what explains most comes first."""
    looks: tuple[Callable[[Session, Needs, datetime], Iterator[Found]], ...] = (
        _disarmed, _silent, _held, _provider, _failing, _rate,
    )  # fmt: skip
    return next((found for look in looks for found in look(db, needs, now)), (Cause.NOT_KNOWN, ""))


def _disarmed(db: Session, needs: Needs, _: datetime) -> Iterator[Found]:
    if needs.disarmed and restore_lock.disarmed(db):
        yield Cause.DISARMED, ""


def _silent(db: Session, needs: Needs, _: datetime) -> Iterator[Found]:
    for kind in needs.processes:
        if not heartbeats.seen(db, kind, within=SILENT_AFTER):
            yield Cause(kind), ""


def _held(db: Session, needs: Needs, _: datetime) -> Iterator[Found]:
    known = circuit.known(db)
    for name in needs.circuits:
        if name in known:
            yield Cause(name), known[name].reason


def _provider(_: Session, needs: Needs, __: datetime) -> Iterator[Found]:
    if needs.providers:
        yield Cause.PROVIDER, ", ".join(needs.providers)


def _failing(db: Session, needs: Needs, _: datetime) -> Iterator[Found]:
    for each in jobs.failing(db):
        if any(f"{each.job} ".startswith(f"{name} ") for name in needs.jobs):
            yield Cause.JOB, each.job


def _rate(_: Session, needs: Needs, __: datetime) -> Iterator[Found]:
    if needs.rate:
        yield Cause.RATE, f"{needs.rate:g}"
