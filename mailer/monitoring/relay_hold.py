"""Put the relay on hold, unless it is answering others: it may have no connection to spare."""

from datetime import datetime

from sqlalchemy.orm import Session

from mailer.core import circuit
from mailer.delivery import stalled
from mailer.smtp.relay import RelayDown


def note(db: Session, down: RelayDown, *, now: datetime) -> bool:
    """Put the relay on hold; return whether it is.

    A send that is answered at this moment proves that it can be used: a relay that takes so many connections
    and no more turns the next one away, which must not stop those.
    """
    if stalled.moving(db, now=now):
        return False
    circuit.hit(db, circuit.RELAY, str(down), now=now)
    return True
