"""Send an issue for a while, unless the relay, the journal or the key says to stay away."""

from collections.abc import Callable
from functools import cache
from uuid import UUID

from mailer.core import circuit
from mailer.core.db import transaction, utcnow
from mailer.core.logging import log
from mailer.core.settings import settings
from mailer.delivery import load_issue, recovery, refusals
from mailer.delivery.breaker import LetterTooBig
from mailer.delivery.journal import JournalUnwritable
from mailer.delivery.ledger import Fenced
from mailer.delivery.shaping import rate
from mailer.delivery.shaping.budget import SendingBudget
from mailer.delivery.shaping.rate import RateLimiter
from mailer.delivery.worker import SendWorker
from mailer.smtp import dkim
from mailer.smtp.dkim import DkimKeyMissing
from mailer.smtp.relay import Relay, RelayDown

CIRCUITS = {RelayDown: circuit.RELAY, JournalUnwritable: circuit.JOURNAL, DkimKeyMissing: circuit.DKIM}


def send(issue_id: UUID, stretch: float, *, stopping: Callable[[], bool]) -> bool:
    """Send for so many seconds; return whether there may be more.  What keeps us from it is noted."""
    try:
        return _work(issue_id, stretch, stopping)
    except (RelayDown, JournalUnwritable, DkimKeyMissing) as error:
        log.warning("the send waits", reason=str(error))
        with transaction() as db:
            circuit.hit(db, CIRCUITS[type(error)], str(error), now=utcnow())
    except Fenced as error:
        log.warning("fenced", issue=str(issue_id), rows=str(error))
    return False


def _work(issue_id: UUID, stretch: float, stopping: Callable[[], bool]) -> bool:
    with transaction() as db:
        if circuit.standing(db, CIRCUITS.values(), now=utcnow()):
            return False
        letter = load_issue.leaving(db, issue_id, settings(), dkim.load(settings()))
        accepted_wordings = refusals.accepted_wordings(db, issue_id)
        probing = circuit.probe(db, circuit.RELAY, now=utcnow()) if letter else False
    if letter is None or probing is False:
        return False
    try:
        more = _worker(stopping).work(issue_id, letter, stretch, accepted_wordings, probing=bool(probing))
    except LetterTooBig as error:
        more = False
        with transaction() as db:
            refusals.pause(db, issue_id, str(error))
    except (RelayDown, JournalUnwritable) as error:
        if probing:
            with transaction() as db:
                circuit.failed(db, circuit.RELAY, str(error), now=utcnow())
        raise
    with transaction() as db:
        circuit.clear(db, *CIRCUITS.values())
    return more


@cache
def _worker(stopping: Callable[[], bool]) -> SendWorker:
    """Return this process's sender, made after the fork and kept with its connections."""
    given = settings()
    providers = rate.providers()
    budget = SendingBudget(
        providers.table, RateLimiter.from_settings(given, providers), senders=given.senders
    )
    return SendWorker(
        Relay.parse(given.relay_url), given.connections, recovery.folder(given), budget=budget,
        stopping=stopping,
    )  # fmt: skip
