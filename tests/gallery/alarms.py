"""The alarms in the pictures: two that stand, one of them taken on, and some that are over."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from mailer.monitoring.models import Alarm, AlarmChannel, AlarmMessage
from tests.gallery.site import NOW

_STANDING: tuple[tuple[str, str, timedelta, dict[str, Any], bool], ...] = (
    ("relay", "relay", timedelta(minutes=12),
     {"name": "relay", "minutes": 12,
      "reason": "the login is refused: relais.example.org:587, 535 5.7.8 authentication failed"}, False),
    ("backlog", "notices", timedelta(minutes=6),
     {"queue": "notices", "minutes": 11, "limit": 5, "cause": "relay",
      "detail": "the login is refused: relais.example.org:587, 535 5.7.8 authentication failed"}, False),
    ("provider", "orange", timedelta(hours=3),
     {"name": "orange", "minutes": 180, "reason": "421 4.7.0 OFR_999 Service refuse"}, True),
)  # fmt: skip
_OVER: tuple[tuple[str, str, timedelta, timedelta, dict[str, Any], bool], ...] = (
    ("silent", "chores", timedelta(days=3), timedelta(minutes=7), {"name": "chores"}, False),
    ("stalled", "x", timedelta(days=9), timedelta(minutes=41),
     {"title": "La rentrée des familles", "rows": 212, "minutes": 41, "cause": "letters",
      "detail": ""}, True),
    ("inbox", "inbox", timedelta(days=20), timedelta(hours=5),
     {"name": "inbox", "minutes": 300, "reason": "no answer in time: imap.example.org"}, True),
)  # fmt: skip


def fill_alarms(db: Session, lea: str) -> None:
    """Raise them, and end some."""
    for kind, subject, ago, facts, taken in _STANDING:
        alarm = _alarm(kind, subject, ago, facts, lea if taken else None)
        db.add(alarm)
        db.flush()
        for channel in AlarmChannel:
            db.add(AlarmMessage(alarm_id=alarm.id, channel=channel, told_at=alarm.tell_at))
    for kind, subject, ago, lasted, facts, taken in _OVER:
        alarm = _alarm(kind, subject, ago, facts, lea if taken else None)
        alarm.seen_at = alarm.resolved_at = alarm.since + lasted
        db.add(alarm)


def _alarm(kind: str, subject: str, ago: timedelta, facts: dict[str, Any], by: str | None) -> Alarm:
    since = NOW - ago
    return Alarm(
        name=f"{kind}:{subject}", kind=kind, subject=subject, facts=facts, since=since,
        tell_at=since + timedelta(minutes=1), seen_at=NOW, acknowledged_by=by,
        acknowledged_at=since + timedelta(minutes=20) if by else None,
    )  # fmt: skip
