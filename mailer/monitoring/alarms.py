"""Find what needs a person, word it, and send one mail about it.

Shown in three places: an alert mail, the desk's banner, and /readyz.
"""

import smtplib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.core import circuit, heartbeats, i18n, jobs, restore_lock
from mailer.core.circuit import Hold
from mailer.core.heartbeats import Heartbeat
from mailer.core.jobs import Failing
from mailer.core.logging import log
from mailer.core.settings import Settings, settings
from mailer.delivery import ledger, refusals, unknown
from mailer.monitoring.models import Alarm
from mailer.privacylog import decisions
from mailer.rendering.typography import typeset
from mailer.smtp.relay import Relay
from mailer.subscribers import signup

SILENT_AFTER = timedelta(seconds=90)  # without a heartbeat of beat, or of any worker of a queue
ALARM_AFTER = {
    circuit.RELAY: timedelta(minutes=5), circuit.JOURNAL: timedelta(0), circuit.DKIM: timedelta(0),
    circuit.INBOX: timedelta(hours=1), circuit.ERASURE: timedelta(0),
}  # fmt: skip
PROVIDER_ALARM_AFTER = timedelta(minutes=15)
KINDS_OF_PROCESS = ("beat", "ticks", "letters", "notices", "chores")
CLOCKS_APART = 2.0  # seconds
MAIL_AFTER = timedelta(seconds=60)  # a start, or a restart, raises no alarm
REMIND_AFTER = timedelta(hours=24)
Check = Callable[[Session, datetime], Iterator["ActiveAlarm"]]


@dataclass(frozen=True)
class ActiveAlarm:
    """Hold one thing that needs a person now."""

    kind: str  # a key of templates/words/monitoring.yaml
    subject: str  # what it is about: an issue's id, a provider, a queue
    values: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.subject}"

    def sentence(self, locale: str) -> str:
        """Return what it is, and what to do, on one line."""
        return typeset(i18n.words("monitoring", locale)[self.kind].format(**self.values), locale)


def find(db: Session, *, now: datetime) -> list[ActiveAlarm]:
    """Return everything that needs a person now; a check that raises does too, and hides no other."""
    return [alarm for check in _CHECKS for alarm in _checked(db, check, now)]


def _checked(db: Session, check: Check, now: datetime) -> list[ActiveAlarm]:
    try:
        with db.begin_nested():
            return list(check(db, now))
    except Exception as error:
        log.error("an alarm cannot be looked for", alarm=check.__name__, error=jobs.place(error))
        return [_failing_about(Failing(f"alarms{check.__name__}", 0, now, jobs.place(error)), now)]


def remember(db: Session, active: Sequence[ActiveAlarm], *, now: datetime) -> list[ActiveAlarm]:
    """Store since when each stands; return those that have stood a while and were not mailed within a day."""
    names = [each.name for each in active]
    db.execute(delete(Alarm).where(Alarm.name.not_in(names)))
    if active:
        values = [{"name": name, "since": now} for name in names]
        db.execute(insert(Alarm).values(values).on_conflict_do_nothing())
    untold = Alarm.told_at.is_(None) | (Alarm.told_at < now - REMIND_AFTER)
    ripe = set(db.scalars(select(Alarm.name).where(untold, Alarm.since <= now - MAIL_AFTER)))
    return [each for each in active if each.name in ripe]


def told(db: Session, active: Sequence[ActiveAlarm], *, now: datetime) -> None:
    """Note that the mail about these has left."""
    db.execute(update(Alarm).where(Alarm.name.in_([each.name for each in active])).values(told_at=now))


def tell(active: Sequence[ActiveAlarm], settings: Settings, *, now: datetime) -> bool:
    """Mail the alert address; return whether the relay took it.  Raises RelayDown."""
    client = Relay.parse(settings.relay_url).connect()
    try:
        client.send_message(compose(active, settings, now=now))
    except smtplib.SMTPException as error:
        log.error("the relay refused the alert mail", error=type(error).__name__)
        return False
    finally:
        client.close()
    return True


def compose(active: Sequence[ActiveAlarm], settings: Settings, *, now: datetime) -> EmailMessage:
    """Return the alert mail, in the installation's language."""
    locale = settings.default_locale
    frame = i18n.words("monitoring", locale)["mail"]
    domain = settings.alert_address.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["From"] = message["To"] = settings.alert_address
    message["Subject"] = frame["subject"].format(count=len(active))
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"
    lines = [
        frame["before"],
        *(f"- {each.sentence(locale)}" for each in active),
        f"{settings.public_url}/desk/",
    ]
    message.set_content("\n\n".join(lines) + "\n", cte="quoted-printable")
    return message


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
    minutes = int((now - hold.since).total_seconds() // 60)
    return ActiveAlarm(kind, name, {"name": name, "reason": hold.reason, "minutes": minutes})


def _silent(db: Session, _: datetime) -> Iterator[ActiveAlarm]:
    alive = select(Heartbeat.kind).where(Heartbeat.seen_at > func.now() - SILENT_AFTER).distinct()
    seen = set(db.scalars(alive))
    for kind in KINDS_OF_PROCESS:
        if kind not in seen:
            yield ActiveAlarm("silent", kind, {"name": kind})


def _signups(db: Session, now: datetime) -> Iterator[ActiveAlarm]:
    if until := signup.breaker(db, now=now):
        yield ActiveAlarm("signups", "", {"until": f"{until:%H:%M} UTC"})


def _privacy_log(_: Session, __: datetime) -> Iterator[ActiveAlarm]:
    if trouble := decisions.trouble():
        yield ActiveAlarm("privacylog", "", {"reason": trouble})


def _disarmed(db: Session, _: datetime) -> Iterator[ActiveAlarm]:
    if restore_lock.disarmed(db):
        yield ActiveAlarm("disarmed", "", {})


def _failing(db: Session, now: datetime) -> Iterator[ActiveAlarm]:
    for each in jobs.failing(db):
        yield _failing_about(each, now)


def _failing_about(job: Failing, now: datetime) -> ActiveAlarm:
    minutes = max(int((now - job.since).total_seconds() // 60), 0)
    values = {"name": job.job, "rows": job.rows, "minutes": minutes, "reason": job.error}
    return ActiveAlarm("set_aside" if job.rows else "failing", job.job, values)


def _late(db: Session, now: datetime) -> Iterator[ActiveAlarm]:
    given = settings()
    for each in ledger.late(db, now=now, late_after=given.late_after):
        due_at = each.due_at.astimezone(given.zone) if each.due_at else now
        yield ActiveAlarm("late", str(each.id), {"title": each.title, "due_at": f"{due_at:%Y-%m-%d %H:%M}"})


def _clocks(db: Session, _: datetime) -> Iterator[ActiveAlarm]:
    for kind, seconds in heartbeats.skew(db, more_than=CLOCKS_APART, seen_within=SILENT_AFTER).items():
        yield ActiveAlarm("clock", kind, {"name": kind, "seconds": round(seconds)})


_CHECKS: tuple[Check, ...] = (
    _refused, _unknown, _held, _silent, _signups, _privacy_log, _disarmed, _failing, _late, _clocks,
)  # fmt: skip
