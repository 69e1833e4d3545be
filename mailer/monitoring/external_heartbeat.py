"""Call a URL each minute while everything lives: whoever watches it notices a dead host from outside."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from mailer.core import circuit, heartbeats
from mailer.core.db import transaction
from mailer.core.logging import log
from mailer.core.settings import Settings
from mailer.monitoring import alarms, channels, relay_hold
from mailer.monitoring.channels import NotTold
from mailer.smtp.relay import Relay, RelayDown

EVERY = timedelta(seconds=60)
PATIENCE = 10.0  # seconds the relay has for each reply
_TURN, _KIND = UUID(int=3), "heartbeat"


def take_turn() -> bool:
    """Return whether a minute is over, and it is the caller that looks and calls."""
    with transaction() as db:
        return heartbeats.take_turn(db, _TURN, _KIND, every=EVERY)


def run(settings: Settings, *, clock: Callable[[], datetime]) -> bool:
    """Try the relay; call the URL if everything lives; return whether it does.

    A relay that cannot be used is noted as a hold at once, before anybody waits for a mail.
    """
    usable = try_relay(settings, clock=clock)
    with transaction() as db:
        missing = alarms.silent(db)
    if missing or not usable:
        log.warning("no heartbeat is sent", silent=" ".join(missing), relay="ok" if usable else "on hold")
        return False
    if settings.heartbeat_url:
        try:
            channels.request(settings.heartbeat_url.get_secret_value())
        except NotTold as error:
            log.error("the heartbeat could not be sent", reason=str(error))
    return True


def try_relay(settings: Settings, *, clock: Callable[[], datetime]) -> bool:
    """Connect and log in, and hand over nothing; return whether the relay may be used, or is being used.

    What this proves ends a hold for a connection that could not be had, or one that nobody tries any more.
    """
    with transaction() as db:
        if circuit.standing(db, [circuit.RELAY], now=clock()):
            return False
    try:
        client = Relay.parse(settings.relay_url).connect(patience=PATIENCE)
    except RelayDown as error:
        with transaction() as db:
            return not relay_hold.note(db, error, now=clock())
    with suppress(OSError):  # it has answered, which is what was asked
        client.quit()
    client.close()
    with transaction() as db:
        circuit.reached(db, now=clock())
        return circuit.RELAY not in circuit.known(db)
