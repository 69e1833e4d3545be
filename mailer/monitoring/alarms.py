"""Find what needs a person now, and say it in a sentence.

Shown at the desk and in /readyz; told by mail, and to a chat or a pager (lifecycle.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from mailer.core import circuit, heartbeats, jobs, restore_lock
from mailer.core.circuit import Hold
from mailer.core.jobs import Failing
from mailer.core.logging import log
from mailer.core.settings import settings
from mailer.delivery import due, ledger, load_issue, recovery, refusals, stalled, unknown
from mailer.delivery.stalled import Stalled
from mailer.imports import refused_introductions
from mailer.monitoring import causes
from mailer.monitoring.backlog import Backlog, backlogs
from mailer.monitoring.causes import QUICK, SILENT_AFTER, Needs
from mailer.monitoring.sentences import sentence
from mailer.newsletters import newsletters
from mailer.privacy.cases import register
from mailer.privacylog import decisions
from mailer.subscribers import signup
from mailer.subscribers.consent import verification

ALARM_AFTER = {
    circuit.RELAY: timedelta(seconds=25), circuit.JOURNAL: timedelta(0), circuit.DKIM: timedelta(0),
    circuit.INBOX: timedelta(hours=1), circuit.ERASURE: timedelta(0),
}  # fmt: skip
PROVIDER_ALARM_AFTER = timedelta(minutes=15)
KINDS_OF_PROCESS = ("beat", "ticks", "letters", "notices", "chores")
CLOCKS_APART = 2.0  # seconds
MAIL_AFTER = timedelta(seconds=60)  # a start, or a restart, raises no alarm
RATE_TOO_LOW = 1 / stalled.STALLED_AFTER.total_seconds()  # messages a second: not one in that time
UNREAD_FOR = timedelta(days=3)  # a mail that nobody was answered: a weekend passes
KEPT_FOR = timedelta(seconds=5)  # what was found, for the desk’s pages
LOG_LOST = "log_lost"  # the kind that ends once somebody has taken it on: nothing else can be done
Check = Callable[[Session, datetime], Iterator["ActiveAlarm"]]


@dataclass(frozen=True)
class ActiveAlarm:
    """Hold one thing that needs a person now."""

    kind: str  # a key of templates/words/monitoring.yaml
    subject: str  # what it is about: an issue's id, a provider, a queue
    values: dict[str, Any]  # as JSON can hold them
    since: datetime | None = None  # None: it is not known, so from when it is first found
    patience: timedelta | None = None  # how long it stands before anybody is told; None: MAIL_AFTER

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.subject}"

    def sentence(self, locale: str) -> str:
        """Return what it is, and what to do, on one line."""
        return sentence(self.kind, self.values, locale)


def find(db: Session, *, now: datetime) -> list[ActiveAlarm]:
    """Return everything that needs a person now; a check that raises does too, and hides no other."""
    return [alarm for check in _CHECKS for alarm in _checked(db, check, now)]


class Recent:
    """Hold what this process found last, for pages that all ask: to look takes longer than to show a page."""

    def __init__(self) -> None:
        self._last: tuple[datetime, list[ActiveAlarm]] | None = None

    def find(self, db: Session, *, now: datetime) -> list[ActiveAlarm]:
        """Return the same as `find`, at most KEPT_FOR old."""
        last = self._last
        if last is None or not timedelta(0) <= now - last[0] < KEPT_FOR:
            last = self._last = now, find(db, now=now)
        return last[1]


RECENT = Recent()


def silent(db: Session) -> list[str]:
    """Return which of our processes give no sign of life."""
    return [kind for kind in KINDS_OF_PROCESS if not heartbeats.seen(db, kind, within=SILENT_AFTER)]


def _checked(db: Session, check: Check, now: datetime) -> list[ActiveAlarm]:
    try:
        with db.begin_nested():
            return list(check(db, now))
    except Exception as error:
        log.error("an alarm cannot be looked for", alarm=check.__name__, error=jobs.place(error))
        return [_failing_about(Failing(f"alarms{check.__name__}", 0, now, jobs.place(error)), now)]


def _refused(db: Session, _: datetime) -> Iterator[ActiveAlarm]:
    for each in refusals.undecided(db):
        values = {"title": each.title, "rows": each.rows, "reason": each.reason}
        yield ActiveAlarm("refused", str(each.issue_id), values)


def _unknown(db: Session, _: datetime) -> Iterator[ActiveAlarm]:
    for each in unknown.undecided(db):
        yield ActiveAlarm("unknown", str(each.issue_id), {"title": each.title, "rows": each.rows})


def _held(db: Session, now: datetime) -> Iterator[ActiveAlarm]:
    for name, hold in circuit.known(db).items():
        if now - hold.since >= ALARM_AFTER.get(name, PROVIDER_ALARM_AFTER):
            yield _about(name, hold, now)


def _about(name: str, hold: Hold, now: datetime) -> ActiveAlarm:
    kind = name if name in ALARM_AFTER else "provider"
    values = {"name": name, "reason": hold.reason, "minutes": _minutes(hold.since, now)}
    patience = ALARM_AFTER[name] if name == circuit.RELAY else None  # told within a minute
    return ActiveAlarm(kind, name, values, since=hold.since, patience=patience)


def _unproven(db: Session, _: datetime) -> Iterator[ActiveAlarm]:
    for each in newsletters.paused(db):
        yield ActiveAlarm("unproven", each.slug, {"name": each.name, "slug": each.slug})


def _silent(db: Session, _: datetime) -> Iterator[ActiveAlarm]:
    for kind in silent(db):
        yield ActiveAlarm("silent", kind, {"name": kind})


def _signups(db: Session, now: datetime) -> Iterator[ActiveAlarm]:
    if until := signup.breaker(db, now=now):
        yield ActiveAlarm("signups", "", {"until": f"{until:%H:%M} UTC"})


def _unread(db: Session, now: datetime) -> Iterator[ActiveAlarm]:
    if rows := register.count_unread(db, before=now - UNREAD_FOR):
        yield ActiveAlarm("unread", "", {"rows": rows})


def _introductions(db: Session, _: datetime) -> Iterator[ActiveAlarm]:
    if rows := refused_introductions.count(db):
        yield ActiveAlarm("introductions", "", {"rows": rows})


def _privacy_log(_: Session, __: datetime) -> Iterator[ActiveAlarm]:
    if trouble := decisions.trouble():
        yield ActiveAlarm("privacylog", "", {"reason": trouble})


def _disarmed(db: Session, _: datetime) -> Iterator[ActiveAlarm]:
    if restore_lock.disarmed(db):
        reason = restore_lock.reason(db)
        yield ActiveAlarm("contradicted" if reason else "disarmed", "", {"reason": reason})


def _log_lost(db: Session, _: datetime) -> Iterator[ActiveAlarm]:
    for each in restore_lock.losses(db):
        rows = (each.report or {}).get("unknown", 0)
        yield ActiveAlarm(
            LOG_LOST, str(each.id), {"hosts": each.without, "rows": rows}, since=each.replayed_at
        )


def _evidence(db: Session, _: datetime) -> Iterator[ActiveAlarm]:
    if place := verification.fault(db):
        yield ActiveAlarm("evidence", "", {"reason": place})


def _failing(db: Session, now: datetime) -> Iterator[ActiveAlarm]:
    for each in jobs.failing(db):
        yield _failing_about(each, now)


def _failing_about(job: Failing, now: datetime) -> ActiveAlarm:
    values = {"name": job.job, "rows": job.rows, "minutes": _minutes(job.since, now), "reason": job.error}
    return ActiveAlarm("set_aside" if job.rows else "failing", job.job, values)


def _late(db: Session, now: datetime) -> Iterator[ActiveAlarm]:
    given = settings()
    for each in due.late(db, now=now, late_after=given.late_after):
        due_at = each.due_at.astimezone(given.zone) if each.due_at else now
        yield ActiveAlarm("late", str(each.id), {"title": each.title, "due_at": f"{due_at:%Y-%m-%d %H:%M}"})


def _not_begun(db: Session, now: datetime) -> Iterator[ActiveAlarm]:
    for issue in stalled.not_begun(db, now=now, late_after=settings().late_after):
        cause, detail = causes.likely(db, Needs(QUICK, jobs=(due.FREEZE,)), now=now)
        values = {
            "title": issue.title, "minutes": _minutes(issue.due_at or now, now),
            "cause": cause, "detail": detail,
        }  # fmt: skip
        yield ActiveAlarm("not_begun", str(issue.id), values)


def _stalled(db: Session, now: datetime) -> Iterator[ActiveAlarm]:
    for each in stalled.stalled(db, now=now):
        cause, detail = causes.likely(db, _needs_of(each), now=now)
        values = {
            "title": each.title, "rows": each.rows, "minutes": _minutes(each.since, now),
            "cause": cause, "detail": detail,
        }  # fmt: skip
        yield ActiveAlarm("stalled", str(each.issue_id), values)


def _needs_of(send: Stalled) -> Needs:
    rate = settings().rate
    return Needs(
        (*QUICK, "letters"), (circuit.RELAY, circuit.JOURNAL, circuit.DKIM),
        (load_issue.JOB, "ask for letters", recovery.JOB, ledger.CLOSE), send.on_hold,
        rate if rate < RATE_TOO_LOW else 0,
    )  # fmt: skip


def _backlog(db: Session, now: datetime) -> Iterator[ActiveAlarm]:
    for each in backlogs(db, now=now):
        cause, detail = causes.likely(db, each.needs, now=now)
        yield ActiveAlarm("backlog", each.queue, _values_of(each, now) | {"cause": cause, "detail": detail})


def _values_of(backlog: Backlog, now: datetime) -> dict[str, Any]:
    limit = int(backlog.limit.total_seconds() // 60)
    return {"queue": backlog.queue, "minutes": _minutes(backlog.since, now), "limit": limit}


def _minutes(since: datetime, now: datetime) -> int:
    return max(int((now - since).total_seconds() // 60), 0)


def _clocks(db: Session, _: datetime) -> Iterator[ActiveAlarm]:
    for kind, seconds in heartbeats.skew(db, more_than=CLOCKS_APART, seen_within=SILENT_AFTER).items():
        yield ActiveAlarm("clock", kind, {"name": kind, "seconds": round(seconds)})


_CHECKS: tuple[Check, ...] = (
    _refused, _unknown, _unproven, _held, _silent, _signups, _unread, _introductions, _privacy_log, _disarmed,
    _log_lost,
    _evidence, _failing, _late, _not_begun, _stalled, _backlog, _clocks,
)  # fmt: skip
