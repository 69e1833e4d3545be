"""Send what is due for a while, unless the relay, the journal or the key says to stay away."""

from collections.abc import Callable
from functools import cache

from sqlalchemy.orm import Session

from mailer.core import circuit
from mailer.core.db import transaction, utcnow
from mailer.core.logging import log
from mailer.core.settings import settings
from mailer.delivery import load_issue, recovery
from mailer.delivery.claim import Fenced
from mailer.delivery.journal import JournalUnwritable
from mailer.delivery.ledger_work import Issues
from mailer.delivery.shaping.budget import SendingBudget
from mailer.delivery.worker import SendWorker
from mailer.smtp import dkim, rate
from mailer.smtp.dkim import DkimKeyMissing
from mailer.smtp.rate import RateLimiter
from mailer.smtp.relay import Relay, RelayDown

CIRCUITS = {RelayDown: circuit.RELAY, JournalUnwritable: circuit.JOURNAL, DkimKeyMissing: circuit.DKIM}


def send(stretch: float, *, stopping: Callable[[], bool]) -> bool:
    """Send for so many seconds; return whether there may be more.  What keeps us from it is noted."""
    try:
        return _work(stretch, stopping)
    except (RelayDown, JournalUnwritable, DkimKeyMissing) as error:
        log.warning("the send waits", reason=str(error))
        with transaction() as db:
            circuit.hit(db, CIRCUITS[type(error)], str(error), now=utcnow())
    except Fenced as error:
        log.warning("fenced", rows=str(error))
    return False


def _work(stretch: float, stopping: Callable[[], bool]) -> bool:
    with transaction() as db:
        if circuit.standing(db, CIRCUITS.values(), now=utcnow()):
            return False
        signer = dkim.load(settings())
        issues = load_issue.leaving(db, {}, settings(), signer)
        probing = circuit.probe(db, circuit.RELAY, now=utcnow()) if issues else False
    if probing is False:
        return False

    def load(db: Session, known: Issues) -> Issues:
        return load_issue.leaving(db, known, settings(), signer)

    try:
        more = _worker(stopping).work(issues, load, stretch, probing=bool(probing))
    except (RelayDown, JournalUnwritable) as error:
        if probing:
            with transaction() as db:
                circuit.failed(db, circuit.RELAY, str(error), now=utcnow())
        raise
    except Exception:  # it is no fault of the relay's, and nobody else waits for the end of our probe
        if probing:
            with transaction() as db:
                circuit.release(db, circuit.RELAY, now=utcnow())
        raise
    with transaction() as db:
        circuit.clear(db, *CIRCUITS.values())
    return more


@cache
def _worker(stopping: Callable[[], bool]) -> SendWorker:
    """Return this process's worker, made after the fork and kept with its connections."""
    given = settings()
    providers = rate.providers()
    budget = SendingBudget(
        providers.table, RateLimiter.from_settings(given, providers), senders=given.senders
    )
    return SendWorker(
        Relay.parse(given.relay_url), given.connections, recovery.folder(given), budget=budget,
        stopping=stopping,
    )  # fmt: skip
