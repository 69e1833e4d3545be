"""Send single mails for a while, unless the relay or the key says to stay away."""

from collections.abc import Callable
from functools import cache

from mailer.core import circuit
from mailer.core.db import transaction, utcnow
from mailer.core.logging import log
from mailer.core.settings import settings
from mailer.notices import outbox
from mailer.notices.worker import NoticeWorker
from mailer.smtp import dkim
from mailer.smtp.dkim import DkimKeyMissing
from mailer.smtp.relay import RelayDown

Hold = Callable[..., object]  # (db, down, *, now): put the relay on hold


def send(until: float, *, stopping: Callable[[], bool], hold: Hold) -> bool:
    """Send until this time (time.monotonic); return whether there may be more.  What prevents it is noted.

    Raises RowFailed for a notice that cannot be sent: call again, and the others go on.
    """
    worker = _worker(stopping)
    try:
        dkim.load(settings())
    except DkimKeyMissing as error:
        log.warning("the notices wait", reason=str(error))
        with transaction() as db:
            circuit.hit(db, circuit.DKIM, str(error), now=utcnow())
        return False
    return _may_work(worker) and _work(worker, until, hold)


def _may_work(worker: NoticeWorker) -> bool:
    """Return whether there is something to do, and the relay is to be tried: one process alone probes it."""
    with transaction() as db:
        circuit.clear(db, circuit.DKIM)
        if not worker.busy and not outbox.waiting(db, now=utcnow()):
            worker.tidy()
            return False
        if worker.busy and worker.health.probing:
            return True
        probing = circuit.probe(db, circuit.RELAY, now=utcnow())
    if probing:
        worker.probe()
    return probing is not False or worker.busy


def _work(worker: NoticeWorker, until: float, hold: Hold) -> bool:
    probing = worker.health.probing
    try:
        more = worker.work(until)
    except RelayDown as error:
        log.warning("the notices wait", relay=str(error))
        with transaction() as db:
            if probing:
                circuit.failed(db, circuit.RELAY, str(error), now=utcnow())
            else:
                hold(db, error, now=utcnow())
        return False
    except Exception:
        if probing:
            with transaction() as db:
                circuit.release(db, circuit.RELAY, now=utcnow())
        raise
    if probing and not (worker.health.probing and worker.busy):
        with transaction() as db:
            circuit.clear(db, circuit.RELAY)
    return more


@cache
def _worker(stopping: Callable[[], bool]) -> NoticeWorker:
    """Return this process's worker, made after the fork and kept with its connections."""
    return NoticeWorker(settings(), stopping=stopping)
