"""Keep the life of an alarm: raised once, repeated daily until somebody takes it on, resolved, then history.

What is told, over which channel, is noted for each alone: one that fails is tried again, whatever the other
did.  An alarm that comes back a moment after its end is the same one, and nobody is told of either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.core import restore_lock
from mailer.core.db import changed
from mailer.monitoring import alarms
from mailer.monitoring.alarms import ActiveAlarm
from mailer.monitoring.models import Alarm, AlarmChannel, AlarmMessage
from mailer.privacy.retention.inventory import Keep
from mailer.privacy.retention.rules import Rule, deletes

REMIND_AFTER = timedelta(hours=24)
CALM_AFTER = timedelta(minutes=2)  # without it coming back, the end is told
TRIED_FOR = timedelta(days=3)  # over a channel that fails, to tell an end
HISTORY = timedelta(days=30)


@dataclass(frozen=True)
class Due:
    """Hold what is to be told over a channel now."""

    raised: Sequence[Alarm]
    reminders: Sequence[Alarm]
    resolved: Sequence[Alarm]

    def __bool__(self) -> bool:
        return bool(self.raised or self.reminders or self.resolved)


def remember(db: Session, active: Sequence[ActiveAlarm], *, now: datetime) -> None:
    """Store which alarms stand: begin those that are new, end those that are over."""
    names = [each.name for each in active]
    ended = Alarm.resolved_at.is_(None), Alarm.name.not_in(names)
    db.execute(update(Alarm).where(*ended).values(resolved_at=now))
    standing = {each.name: each for each in current(db)}
    for each in active:
        if each.name in standing:
            standing[each.name].facts, standing[each.name].seen_at = each.values, now
        elif not _begin_again(db, each, now):
            _begin(db, each, now)
    unseen = Alarm.resolved_at <= now - CALM_AFTER, Alarm.tell_at > Alarm.seen_at
    db.execute(delete(Alarm).where(*unseen))  # over before anybody was to be told
    db.flush()


def due(db: Session, channel: AlarmChannel, *, now: datetime) -> Due:
    """Return what is to be told over this channel now."""
    return Due(*([each for each, told in _told(db, channel) if is_due(each, told, now)]
                 for is_due in (_is_new, _is_to_be_repeated, _is_over)))  # fmt: skip


def told(db: Session, channel: AlarmChannel, what: Due, *, now: datetime) -> None:
    """Note that this was told over the channel."""
    for each in (*what.raised, *what.reminders):
        _note(db, each.id, channel, told_at=now)
    for each in what.resolved:
        _note(db, each.id, channel, resolution_told_at=now)


def acknowledge(db: Session, alarm_id: UUID, *, by: str, now: datetime) -> bool:
    """Note who takes an alarm on, so that it is not repeated; return whether nobody had, and it stands."""
    open_ = Alarm.id == alarm_id, Alarm.resolved_at.is_(None), Alarm.acknowledged_at.is_(None)
    taken = update(Alarm).where(*open_).values(acknowledged_at=now, acknowledged_by=by)
    row = db.execute(taken.returning(Alarm.kind, Alarm.subject)).one_or_none()
    if row and row.kind == alarms.LOG_LOST:
        restore_lock.note_loss(db, UUID(row.subject), now=now)
    return row is not None


def current(db: Session) -> list[Alarm]:
    """Return the alarms that stand, the newest first."""
    return list(db.scalars(select(Alarm).where(Alarm.resolved_at.is_(None)).order_by(Alarm.since.desc())))


def acknowledged(db: Session) -> set[str]:
    """Return the names of the alarms that stand and that somebody looks after."""
    taken = Alarm.resolved_at.is_(None), Alarm.acknowledged_at.is_not(None)
    return set(db.scalars(select(Alarm.name).where(*taken)))


def past(db: Session) -> list[Alarm]:
    """Return the alarms that are over, the last first."""
    over = Alarm.resolved_at.is_not(None), Alarm.tell_at <= Alarm.seen_at
    return list(db.scalars(select(Alarm).where(*over).order_by(Alarm.resolved_at.desc())))


def messages(db: Session) -> dict[UUID, dict[AlarmChannel, datetime]]:
    """Return when each alarm was last told, over each channel."""
    found: dict[UUID, dict[AlarmChannel, datetime]] = {}
    for each in db.scalars(select(AlarmMessage)):
        if each.told_at:
            found.setdefault(each.alarm_id, {})[each.channel] = each.told_at
    return found


def _begin_again(db: Session, active: ActiveAlarm, now: datetime) -> bool:
    """Let an alarm that has just ended go on, as if it had not; return whether there is one."""
    lately = (
        select(Alarm.id).where(Alarm.name == active.name, Alarm.resolved_at > now - CALM_AFTER)
        .order_by(Alarm.resolved_at.desc()).limit(1)
    )  # fmt: skip
    again = update(Alarm).where(Alarm.id == lately.scalar_subquery())
    return changed(db, again.values(resolved_at=None, facts=active.values, seen_at=now)) == 1


def _begin(db: Session, active: ActiveAlarm, now: datetime) -> None:
    since = min(active.since or now, now)
    patience = alarms.MAIL_AFTER if active.patience is None else active.patience
    db.add(Alarm(
        name=active.name, kind=active.kind, subject=active.subject, facts=active.values, since=since,
        tell_at=since + patience, seen_at=now,
    ))  # fmt: skip


Told = tuple[datetime | None, datetime | None]  # when it was told, and its end


def _told(db: Session, channel: AlarmChannel) -> list[tuple[Alarm, Told]]:
    """Return every alarm, and when it was told over this channel."""
    mine = (AlarmMessage.alarm_id == Alarm.id) & (AlarmMessage.channel == channel)
    rows = select(Alarm, AlarmMessage.told_at, AlarmMessage.resolution_told_at).outerjoin(AlarmMessage, mine)
    return [(alarm, (at, end)) for alarm, at, end in db.execute(rows.order_by(Alarm.since))]


def _stands(alarm: Alarm, now: datetime) -> bool:
    return alarm.resolved_at is None and alarm.acknowledged_at is None and alarm.tell_at <= now


def _is_new(alarm: Alarm, told: Told, now: datetime) -> bool:
    return _stands(alarm, now) and told[0] is None


def _is_to_be_repeated(alarm: Alarm, told: Told, now: datetime) -> bool:
    return _stands(alarm, now) and told[0] is not None and told[0] <= now - REMIND_AFTER


def _is_over(alarm: Alarm, told: Told, now: datetime) -> bool:
    """Return whether its end is to be told: also of one that could not be told while it stood."""
    over = alarm.resolved_at
    if over is None or told[1] is not None or alarm.tell_at > alarm.seen_at:
        return False
    return now - TRIED_FOR < over <= now - CALM_AFTER


def _note(db: Session, alarm_id: UUID, channel: AlarmChannel, **values: datetime) -> None:
    row = insert(AlarmMessage).values(alarm_id=alarm_id, channel=channel, **values)
    key = [AlarmMessage.alarm_id, AlarmMessage.channel]
    db.execute(row.on_conflict_do_update(index_elements=key, set_=values))


RULE: Rule = deletes(
    Keep.ALARMS, lambda: f"alarms that are over: {HISTORY.days} days", Alarm,
    lambda now: (Alarm.resolved_at <= now - HISTORY,),
)  # fmt: skip
