"""Door: the Celery app.  The database is the queue of truth; these tasks are only bells.

A task says "look", carries no person and no content, may be lost or repeated without harm.  No result, no
ETA, early acknowledgement.  Three queues: `letters` for the send, `chores` for what may take minutes (files,
the night's work, questions to the DNS), `notices` for everything that is quick, so that a confirmation waits
behind none of them.  Run one worker per queue.
"""

import gc
from functools import cache
from typing import Any
from uuid import UUID

from celery import Celery, Task
from celery.schedules import crontab
from celery.signals import setup_logging, worker_init
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from mailer.backup import prune_log
from mailer.core import bootstrap, circuit, heartbeats, logging, restore_lock, throttle
from mailer.core.db import transaction, utcnow
from mailer.core.logging import log
from mailer.core.settings import settings
from mailer.delivery import audience, ledger, load_issue, recovery
from mailer.delivery.journal import JournalUnwritable
from mailer.delivery.ledger import Fenced
from mailer.delivery.shaping import domains as routes
from mailer.delivery.shaping import rate
from mailer.delivery.shaping.budget import Shares
from mailer.delivery.shaping.rate import Pace
from mailer.delivery.worker import Sender
from mailer.imports import introductions
from mailer.imports import worker as importing
from mailer.monitoring import alarms, watchdog
from mailer.notices import outbox
from mailer.notices.worker import send_due
from mailer.privacy import breaches
from mailer.privacy.cases import access_links, register, reminders
from mailer.privacy.mailbox import intake
from mailer.privacy.retention import rules as retention
from mailer.privacy.rights import erasure_worker, rectification, restriction
from mailer.smtp import dkim, dns
from mailer.smtp.dkim import DkimKeyMissing
from mailer.smtp.providers import Providers
from mailer.smtp.relay import Relay, RelayDown
from mailer.subscribers import preferences, signup
from mailer.subscribers.consent import chain

TICK = 5.0  # seconds between two looks for what is due
SWEEP = 30.0
INBOX = 60.0
SIGNUPS = 100  # decided in one go, so that the notices behind them do not wait
STRETCH = 8.0  # seconds a letter task works before it rings again
HOLD = {RelayDown: circuit.RELAY, JournalUnwritable: circuit.JOURNAL, DkimKeyMissing: circuit.DKIM}


class Bell(Task):  # type: ignore[misc]
    """A task that a database gone for a while does not break: the next bell does the work.

    While the service is disarmed, bells are not heard, except where nobody is served.
    """

    when_disarmed = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if not self.when_disarmed and _disarmed():
                return None
            return super().__call__(*args, **kwargs)
        except SQLAlchemyError as error:
            log.error("the database failed", task=self.name, error=_named(error))


def _disarmed() -> bool:
    with transaction() as db:
        return restore_lock.disarmed(db)


def _named(error: SQLAlchemyError) -> str:
    """Return the driver's own error where there is one; its text may quote addresses."""
    return type(getattr(error, "orig", None) or error).__name__


app = Celery("mailer", task_cls=Bell)


@app.add_defaults
def _configuration() -> dict[str, Any]:
    """Read when the app is first used, after the settings are known."""
    return {
        "broker_url": bootstrap.prepare().redis_url,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "max_retries": 1,  # of a bell: a page does not wait for Redis
            "interval_start": 0,
        },
        "task_ignore_result": True,
        "task_acks_late": False,
        "task_default_queue": "notices",
        "task_routes": {
            "mailer.send": {"queue": "letters"},
            **{f"mailer.{chore}": {"queue": "chores"} for chore in ("imports", "keep", "routes")},
        },
        "timezone": "UTC",
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "beat_schedule": {
            "tick": {"task": "mailer.tick", "schedule": TICK, "options": {"expires": TICK}},
            "sweep": {"task": "mailer.sweep", "schedule": SWEEP, "options": {"expires": SWEEP}},
            "inbox": {"task": "mailer.inbox", "schedule": INBOX, "options": {"expires": INBOX}},
            "keep": {"task": "mailer.keep", "schedule": crontab(hour="2", minute="40")},
        },
    }


@setup_logging.connect
def _log(**_: Any) -> None:
    logging.configure()


def ring(name: str, *args: Any) -> None:
    """Ask for a task soon.  Never raises: a bell that is not heard is rung again by the beat."""
    try:
        app.tasks[f"mailer.{name}"].apply_async(args, expires=SWEEP, retry=False)
    except (OSError, BrokerError, RedisError) as error:
        log.warning("the bell was not heard", task=name, error=type(error).__name__)


@worker_init.connect
def _share(**_: Any) -> None:
    """Before the fork: what is loaded by now stays one copy for all children, whom the collector would make
    write on every page of it.
    """
    gc.collect()
    gc.freeze()


watchdog.install(ring)


@app.task(name="mailer.tick", when_disarmed=True)
def tick() -> None:
    """Freeze the issues whose time has come, and ring for every letter and sign-up that can go on.

    The forms do not ring: the work a sign-up makes must not show in the time of its answer, or of the next.
    """
    now = utcnow()
    with transaction() as db:
        heartbeats.beat(db, watchdog.BEAT, "beat")
        if restore_lock.disarmed(db):
            return
        start, leaving = ledger.due(db, now=now)
        asked = signup.waiting(db, now=now) or preferences.waiting(db) or access_links.waiting(db, now=now)
        held = circuit.standing(db, HOLD.values(), now=now)
    for issue_id in start:
        with transaction() as db:
            frozen = audience.freeze(db, issue_id, now=utcnow(), lanes=routes.lanes(db, _providers()))
        if frozen:
            log.info("frozen", issue=str(issue_id), audience=frozen.audience)
            leaving.append(issue_id)
    if asked:
        ring("signups")
    for issue_id in () if held else leaving:
        for _ in range(settings().senders):
            ring("send", str(issue_id))


@app.task(name="mailer.send")
def send(issue_id: str) -> None:
    """Send an issue for a few seconds, then ring again, or close it."""
    _recover()
    more = False
    try:
        with watchdog.gently():
            more = _work(UUID(issue_id))
    except (RelayDown, JournalUnwritable, DkimKeyMissing) as error:
        log.warning("the send waits", reason=str(error))
        with transaction() as db:
            circuit.hit(db, HOLD[type(error)], str(error), now=utcnow())
    except Fenced as error:
        log.warning("fenced", issue=issue_id, rows=str(error))
    if more:
        ring("send", issue_id)
    else:
        _close()


def _work(issue_id: UUID) -> bool:
    """Send for a while, unless one must stay away; return whether there may be more."""
    with transaction() as db:
        if circuit.standing(db, HOLD.values(), now=utcnow()):
            return False
        letter = load_issue.leaving(db, issue_id, settings(), dkim.load(settings()))
    if letter is None:
        return False
    more = _sender().work(issue_id, letter, STRETCH)
    with transaction() as db:
        circuit.clear(db, *HOLD.values())
    return more


@app.task(name="mailer.signups")
def signups() -> None:
    """Decide on what the forms received, a few at a time, and send the mails that answers."""
    for _ in range(SIGNUPS):
        if not _decide_one():
            break
    else:
        ring("signups")
    send_notices()


def _decide_one() -> bool:
    """Return whether there was one to decide."""
    now = utcnow()
    with transaction() as db:
        some, known = preferences.decide_next(db, now=now)
        if known:
            outbox.send_preferences(db, known, now=now)
        asked = signup.next_due(db, now=now)
        decided = signup.decide(db, asked, now=now) if asked else None
        if decided:
            outbox.answer_signup(db, decided, now=now)
        some |= access_links.decide_next(db, now=now)
    return some or asked is not None


@app.task(name="mailer.notices")
def send_notices() -> None:
    """Send the single mails that are due; then tell a few of the imported people, and ring for the others."""
    try:
        send_due(settings())
        with transaction() as db:
            circuit.clear(db, circuit.DKIM)
            introduced = introductions.introduce(db, now=utcnow())
        if introduced:
            send_due(settings())
            ring("notices")
    except RelayDown as error:
        log.warning("the relay is down", relay=str(error))
    except DkimKeyMissing as error:
        log.warning("the notices wait", reason=str(error))
        with transaction() as db:
            circuit.hit(db, circuit.DKIM, str(error), now=utcnow())


@app.task(name="mailer.keep")
def keep() -> None:
    """Once a day: anchor the head of the consent chain, and let go of all whose time has come."""
    with transaction() as db:
        chain.anchor_head(db, now=utcnow())
    every = *retention.RULES, prune_log.RULE
    lines = list(retention.run(every, dry=False, clock=utcnow))
    log.info("retention", **{line.rule: line.rows for line in lines if line.rows})
    intake.tidy(settings())
    ring("routes")


@app.task(name="mailer.routes")
def learn_routes() -> None:
    """Ask the DNS who hosts the domains that many readers share: each has the pace of its provider."""
    with transaction() as db:
        domains = routes.to_ask(db, _providers(), now=utcnow())
    found = dns.mx(domains)
    with transaction() as db:
        routes.learn(db, _providers(), found, now=utcnow())
    log.info("routes learnt", asked=len(domains), answered=len(found))


@app.task(name="mailer.inbox")
def read_inbox() -> None:
    """Read a few of the mails to the published address, ring for the others, and send the receipts."""
    if intake.work(settings()):
        ring("inbox")
    send_notices()


@app.task(name="mailer.sweep", when_disarmed=True)
def sweep() -> None:
    """Settle what dead workers left, close what is finished, ring what was forgotten, call for help."""
    if _disarmed():
        _raise_alarms()
        return
    _recover()
    with transaction() as db:
        ledger.withhold_cancelled(db, now=utcnow())
        if lost := ledger.silence(db, now=utcnow()):
            log.error("unknown after a silent worker", rows=lost)
        throttle.forget(db, now=utcnow())
        access_links.forget(db, now=utcnow())
        rectification.forget(db, now=utcnow())
        restriction.lift_due(db, now=utcnow())
    _close()
    _raise_alarms()
    with transaction() as db:
        reminders.tell(db, now=utcnow())
        breaches.remind(db, now=utcnow())
        register.forget_addresses(db)
    erasure_worker.retry(clock=utcnow)
    erasure_worker.work(settings(), clock=utcnow)
    ring("signups")
    ring("purge")
    ring("imports")


@app.task(name="mailer.imports")
def imports() -> None:
    """Look at, take over or undo what the desk was sent, for a few seconds, then ring again."""
    if importing.work(settings(), clock=utcnow):
        ring("imports")


@app.task(name="mailer.purge")
def purge() -> None:
    """Forget the sign-ups that nobody confirmed in time."""
    while True:
        with transaction() as db:
            purged = signup.purge(db, now=utcnow())
        if not purged:
            return
        log.info("unconfirmed sign-ups forgotten", count=purged)


def _recover() -> None:
    if lost := recovery.recover(recovery.folder(settings())):
        log.error("unknown after a dead worker", rows=lost)


def _close() -> None:
    with transaction() as db:
        for issue_id in ledger.close_finished(db, now=utcnow()):
            log.info("closed", issue=str(issue_id))


def _raise_alarms() -> None:
    with transaction() as db:
        heartbeats.forget_processes(db)
        untold = alarms.remember(db, alarms.find(db, now=utcnow()), now=utcnow())
    if not untold:
        return
    try:
        left = alarms.tell(untold, settings(), now=utcnow())
    except RelayDown as error:
        log.error("nobody could be told", alarms=len(untold), relay=str(error))
        return
    if left:
        with transaction() as db:
            alarms.told(db, untold, now=utcnow())


@cache
def _providers() -> Providers:
    return rate.configured(settings())


@cache
def _sender() -> Sender:
    """Return this process's hand in the send, made after the fork and kept with its connections."""
    given = settings()
    shares = Shares(_providers().table, Pace.of(given, _providers()), senders=given.senders)
    return Sender(
        Relay.parse(given.relay_url), given.connections, recovery.folder(given), shares=shares,
        stopping=watchdog.stopping,
    )  # fmt: skip
