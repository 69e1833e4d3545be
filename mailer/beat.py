"""Celery's beat, on a clock that is never set, asking for a task only where none of its kind waits."""

from datetime import UTC, datetime, timedelta
from typing import Any

from celery.beat import PersistentScheduler, ScheduleEntry
from celery.utils.time import maybe_make_aware
from redis import RedisError

from mailer import broker
from mailer.core import clock

_STARTED = datetime.fromtimestamp(clock.host() - clock.steady(), UTC)


def steady_now() -> datetime:
    """Return the host's time at the start of the process, and the seconds that went by since.

    A host's clock set back two hours would otherwise stop beat for two hours.
    """
    return _STARTED + timedelta(seconds=clock.steady())


class Scheduler(PersistentScheduler):  # type: ignore[misc]
    """Ask for tasks as Celery's own scheduler does, but never for one that waits already."""

    def setup_schedule(self) -> None:
        """Read the schedule; what ran last in the future, by a clock that was ahead, ran now."""
        super().setup_schedule()
        now = steady_now()
        for entry in self.schedule.values():
            entry.last_run_at = min(maybe_make_aware(entry.last_run_at), now)

    def apply_async(self, entry: ScheduleEntry, *args: Any, **options: Any) -> Any:
        """Publish the task, unless one like it waits: a queue nobody works off does not grow."""
        try:
            if broker.waiting(self.app, entry.task):
                return None
        except RedisError:
            pass  # publishing it says what is wrong
        return super().apply_async(entry, *args, **options)
