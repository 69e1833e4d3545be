"""Look for alarms and remember them; tell them over every channel, each whatever the others do.

The sweep looks, or, where no worker sweeps, the monitor of any that lives.  Only monitors tell, in threads of
their own: a server that never answers holds up no freeze and no sign-up.  One process at a time does either.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from mailer.core import circuit, heartbeats
from mailer.core.db import engine, transaction
from mailer.core.logging import log
from mailer.core.settings import Settings
from mailer.monitoring import alarms, channels, lifecycle, relay_hold
from mailer.monitoring.channels import NotTold
from mailer.monitoring.lifecycle import Due
from mailer.monitoring.models import AlarmChannel
from mailer.smtp.relay import RelayDown

ROUND, KIND = UUID(int=1), "alarms"  # the sign of life of a round
MISSED_AFTER = timedelta(seconds=60)  # without a round, whoever lives does one
_LOOKING, _TELLING = 0x616C61726D, 0x74656C6C  # "alarm", "tell": one process at a time
Clock = Callable[[], datetime]


def look(*, clock: Clock) -> None:
    """Remember which alarms stand, unless another process is at it."""
    with _alone(_LOOKING) as mine:
        if mine:
            with transaction() as db:
                lifecycle.remember(db, alarms.find(db, now=clock()), now=clock())
                heartbeats.take_turn(db, ROUND, KIND)


def tell(settings: Settings, *, clock: Clock) -> None:
    """Tell what is to be told, over each channel, unless another process is at it."""
    with _alone(_TELLING) as mine:
        if mine:
            for channel in _channels(settings):
                _tell(channel, settings, clock)


def missed() -> bool:
    """Return whether nobody has done a round for so long that the caller should."""
    with transaction() as db:
        return not heartbeats.seen(db, KIND, within=MISSED_AFTER)


@contextmanager
def _alone(lock: int) -> Iterator[bool]:
    """Hold a lock that ends with its connection, and no transaction: servers are spoken to meanwhile."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        mine = bool(connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": lock}).scalar())
        try:
            yield mine
        finally:
            if mine:
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": lock})


def _channels(settings: Settings) -> Iterator[AlarmChannel]:
    """Yield the configured ones, the relay last: it may be what the alarm is about."""
    if settings.alert_url:
        yield AlarmChannel.POST
    yield AlarmChannel.MAIL


def _tell(channel: AlarmChannel, settings: Settings, clock: Clock) -> None:
    with transaction() as db:
        due = lifecycle.due(db, channel, now=clock())
    if not due:
        return
    try:
        _say(channel, due, settings, clock)
    except (RelayDown, NotTold) as error:
        log.error("nobody could be told", channel=channel, alarms=_names(due), reason=str(error))
        return
    with transaction() as db:
        lifecycle.told(db, channel, due, now=clock())
    log.warning("alarms were told", channel=channel, alarms=_names(due))


def _say(channel: AlarmChannel, due: Due, settings: Settings, clock: Clock) -> None:
    if channel is AlarmChannel.POST:
        channels.post(due, settings)
        return
    with transaction() as db:
        if circuit.unusable(db, now=clock()):
            raise NotTold("the relay is on hold")
    try:
        channels.mail(due, settings, now=clock())
    except RelayDown as error:
        with transaction() as db:
            relay_hold.note(db, error, now=clock())
        raise


def _names(due: Due) -> str:
    return " ".join(each.name for each in (*due.raised, *due.reminders, *due.resolved))
