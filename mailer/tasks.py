"""Door: the Celery tasks, and the jobs each of them runs.  The database is the queue of truth.

A task says "look", carries no person and no content, and may be lost or repeated without harm.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from celery.signals import worker_init
from sqlalchemy.orm import Session

from mailer.backup import current, prune_log
from mailer.celery_app import app, ask_for, disarmed
from mailer.core import after_commit, circuit, heartbeats, jobs, public_web, throttle
from mailer.core.after_commit import Task, wake
from mailer.core.db import transaction, utcnow
from mailer.core.jobs import Job
from mailer.core.logging import log
from mailer.core.settings import settings
from mailer.delivery import anchoring, audience, due, ledger, load_issue, recovery, refusals
from mailer.delivery import send as sending
from mailer.delivery.shaping import domains
from mailer.imports import introductions
from mailer.imports import worker as importing
from mailer.issues import link_visits
from mailer.monitoring import lifecycle, relay_hold, rounds, watchdog
from mailer.notices import outbox, requests
from mailer.notices import send as notices
from mailer.privacy import breaches
from mailer.privacy.cases import access_links, register, reminders
from mailer.privacy.mailbox import intake
from mailer.privacy.retention import rules as retention
from mailer.privacy.rights import erasure_worker, rectification, restriction
from mailer.smtp import dns, rate, routes
from mailer.subscribers import preferences, signup
from mailer.subscribers.consent import chain, verification

__all__ = ("app",)

REQUESTS = 100  # decided in one go, so that the notices behind them do not wait
STRETCH = 8.0  # seconds a task that speaks to the relay works before it asks for the next


class Act(Protocol):
    """Act on whatever is due, in a session of the caller's."""

    def __call__(self, db: Session, *, now: datetime) -> object: ...


after_commit.install(ask_for)
watchdog.install(ask_for)


def _once(act: Act) -> Callable[[], None]:
    """Make a job of one transaction."""

    def run() -> None:
        with transaction() as db:
            act(db, now=utcnow())

    return run


def _to_the_end(act: Act) -> Callable[[], None]:
    """Make a job of as many transactions as it takes until nothing is left."""

    def run() -> None:
        some: object = True
        while some:
            with transaction() as db:
                some = act(db, now=utcnow())

    return run


def _a_few(decide: Act) -> Callable[[], None]:
    """Make a job that decides on a few requests, one a transaction, and asks for the rest."""

    def run() -> None:
        for _ in range(REQUESTS):
            with transaction() as db:
                if not decide(db, now=utcnow()):
                    return
        ask_for(Task.SIGNUPS)

    return run


@app.task(name=Task.TICK.value, when_disarmed=True)
def tick() -> None:
    """Freeze the issues whose time has come, and ask for every letter and sign-up that can go on."""
    jobs.run([Job("beat", _beat)])
    if not disarmed():
        jobs.run(EVERY_TICK)


def _beat() -> None:
    with transaction() as db:
        heartbeats.beat(db, watchdog.BEAT, "beat")


def _freeze() -> None:
    with transaction() as db:
        start = due.to_freeze(db, now=utcnow(), late_after=settings().late_after)
    for issue_id in start:
        if not _is_current():
            return
        with jobs.row(due.FREEZE, issue_id), transaction() as db:
            frozen = audience.freeze(
                db, issue_id, now=utcnow(), providers=routes.providers(db, rate.providers())
            )
        if frozen:
            log.info("frozen", issue=str(issue_id), audience=frozen.audience)


def _ask_for_letters() -> None:
    now = utcnow()
    with transaction() as db:
        held = circuit.standing(db, sending.CIRCUITS.values(), now=now)
        wanted = not held and due.is_due(db, now=now)
    for _ in range(settings().senders if wanted else 0):
        ask_for(Task.SEND)


def _ask_for_requests() -> None:
    """Ask here, not in the forms: the work a sign-up makes must not show in the time of an answer."""
    now = utcnow()
    with transaction() as db:
        if signup.waiting(db, now=now) or preferences.waiting(db) or access_links.waiting(db, now=now):
            wake(db, Task.SIGNUPS)


@app.task(name=Task.SEND.value)
def send() -> None:
    """Send what is due of every issue for a few seconds, then ask for more, or close what is finished."""
    jobs.run([RECOVERY, Job(load_issue.JOB, _send)])


def _send() -> None:
    with watchdog.finish_first():
        more = sending.send(STRETCH, stopping=watchdog.stopping)
    if more:
        ask_for(Task.SEND)
    else:
        jobs.run([CLOSE])


@app.task(name=Task.SIGNUPS.value)
def signups() -> None:
    """Decide on what the forms received, a few at a time: the mails that answers are asked for with it."""
    jobs.run(FORMS)


@app.task(name=Task.NOTICES.value)
def send_notices() -> None:
    """Send single mails for a few seconds, then ask for the next; tell a few of the imported people."""
    until = time.monotonic() + STRETCH
    jobs.run([Job(outbox.JOB, lambda: _send_notices(until)), Job(introductions.JOB, _introduce)])


def _send_notices(until: float) -> None:
    with watchdog.finish_first():
        more = notices.send(until, stopping=watchdog.stopping, hold=relay_hold.note)
    if more:
        ask_for(Task.NOTICES)


def _introduce() -> None:
    """Add nobody to an outbox that waits for the relay; whoever is added has the next notices sent."""
    now = utcnow()
    with transaction() as db:
        if not outbox.waiting(db, now=now):
            introductions.introduce(db, now=now)


@app.task(name=Task.KEEP.value)
def keep() -> None:
    """Once a day: verify the consent chain and anchor its head; let go of all whose time has come."""
    jobs.run([VERIFY, ANCHOR, TIDY])
    lines = list(retention.run(RULES, dry=False, clock=utcnow))
    log.info("retention", **{line.rule: line.rows for line in lines if line.rows})
    ask_for(Task.ROUTES)


@app.task(name=Task.KEEP_AGAIN.value)
def keep_again() -> None:
    """Do again what failed in the night's work: nobody waits a day for what a moment spoilt."""
    with transaction() as db:
        failed = jobs.to_repeat(db, _nightly())
    jobs.run([job for job in (VERIFY, ANCHOR, TIDY) if job.name in failed])
    list(retention.run([rule for rule in RULES if rule.job in failed], dry=False, clock=utcnow))


def _nightly() -> list[str]:
    return [VERIFY.name, ANCHOR.name, TIDY.name, *(rule.job for rule in RULES)]


@app.task(name=Task.ROUTES.value)
def learn_routes() -> None:
    """Ask the DNS who hosts the domains that many readers share: each has the pace of its provider."""
    jobs.run([Job("routes", _learn_routes)])


def _learn_routes() -> None:
    with transaction() as db:
        asked = domains.to_ask(db, rate.providers(), now=utcnow())
    found = dns.mx(asked)
    with transaction() as db:
        routes.learn(db, rate.providers(), found, now=utcnow())
    log.info("routes learnt", asked=len(asked), answered=len(found))


@app.task(name=Task.LINKS.value)
def look_at_links() -> None:
    """Look at a few of the addresses that letters link to, and ask for the others."""
    jobs.run([Job(link_visits.JOB, _look_at_links)])


def _look_at_links() -> None:
    with transaction() as db:
        asked = link_visits.waiting(db)
    answers = public_web.look_at(asked)
    with transaction() as db:
        link_visits.record(db, answers, now=utcnow())
    if asked:
        ask_for(Task.LINKS)


@app.task(name=Task.INBOX.value)
def read_inbox() -> None:
    """Read a few of the mails to the published address, and ask for the others."""
    jobs.run([Job(intake.JOB, _read_inbox)])


def _read_inbox() -> None:
    if intake.work(settings()):
        ask_for(Task.INBOX)


@app.task(name=Task.SWEEP.value, when_disarmed=True)
def sweep() -> None:
    """Settle what dead workers left, close what is finished, ask for what was forgotten; then alarms."""
    try:
        if not disarmed():
            jobs.run(EVERY_SWEEP)
    finally:
        jobs.run([Job("alarms", lambda: rounds.look(clock=utcnow))])


def _ask_for_the_forgotten() -> None:
    with transaction() as db:
        for forgotten in (Task.SIGNUPS, Task.NOTICES, Task.PURGE, Task.IMPORTS, Task.LINKS):
            wake(db, forgotten)
        if verification.due(db, now=utcnow()):
            wake(db, Task.VERIFY)
        if jobs.to_repeat(db, _nightly()):
            wake(db, Task.KEEP_AGAIN)


@app.task(name=Task.IMPORTS.value)
def imports() -> None:
    """Look at, take over or undo what the desk was sent, for a few seconds, then ask for the next."""
    jobs.run([Job(importing.JOB, _import)])


def _import() -> None:
    if importing.work(settings(), clock=utcnow):
        ask_for(Task.IMPORTS)


@app.task(name=Task.VERIFY.value)
def verify() -> None:
    """Verify what was added to the proof of consent since it was last verified."""
    jobs.run([Job(verification.JOB, lambda: _verify(whole=False))])


def _verify(*, whole: bool) -> None:
    with transaction() as db:
        verification.run(db, whole=whole, now=utcnow())


@app.task(name=Task.PURGE.value)
def purge() -> None:
    """Forget the sign-ups that nobody confirmed in time."""
    jobs.run([Job(signup.PURGE, _to_the_end(signup.purge))])


def _is_current() -> bool:
    """Return whether the database is not a copy of before: such a one is disarmed, and nothing leaves."""
    with transaction() as db:
        return current.look(db, now=utcnow())


@worker_init.connect
def _look_first(**_: object) -> None:
    """Before anything is done; where the database is away, the first sweep looks."""
    jobs.run([Job("current database", _is_current)])


def _recover() -> None:
    if lost := recovery.recover(recovery.folder(settings())):
        log.error("unknown after a dead worker", rows=lost)


def _mark_unknown() -> None:
    with transaction() as db:
        lost = ledger.mark_unknown(db, now=utcnow())
    if lost:
        log.error("unknown after a silent worker", rows=lost)


def _bring_back() -> None:
    """Make due what waits longer than anything of ours waits: it was dated while a clock was ahead."""
    for act in (ledger.bring_back, outbox.bring_back, signup.bring_back, access_links.bring_back,
                circuit.bring_back):  # fmt: skip
        with transaction() as db:
            if rows := act(db, now=utcnow()):
                log.warning("due too late: brought back", room=act.__module__, rows=rows)
    with transaction() as db:
        jobs.bring_back(db)


def _close() -> None:
    with transaction() as db:
        refusals.ask(db, now=utcnow())
        closed = ledger.close_finished(db, now=utcnow())
    for issue_id in closed:
        log.info("closed", issue=str(issue_id))


EVERY_TICK = (
    Job(due.FREEZE, _freeze),
    Job("ask for letters", _ask_for_letters),
    Job("ask for requests", _ask_for_requests),
)
FORMS = (
    Job(signup.JOB, _a_few(requests.decide_signup)),
    Job(preferences.JOB, _a_few(requests.decide_preferences)),
    Job(access_links.JOB, _a_few(access_links.decide_next)),
)
RECOVERY, CLOSE = Job(recovery.JOB, _recover), Job(ledger.CLOSE, _close)
VERIFY = Job(verification.JOB, lambda: _verify(whole=True))
ANCHOR, TIDY = Job("anchor", _once(chain.anchor_head)), Job(intake.TIDY, lambda: intake.tidy(settings()))
RULES = *retention.RULES, prune_log.RULE, lifecycle.RULE
EVERY_SWEEP = (
    Job("current database", _is_current),
    Job("anchor the send", _once(anchoring.anchor)),
    RECOVERY,
    Job("cancelled", _once(ledger.withhold_cancelled)),
    Job("silence", _mark_unknown),
    Job("due too late", _bring_back),
    CLOSE,
    Job("throttles", _once(throttle.forget)),
    Job("old rights links", _once(access_links.forget)),
    Job(rectification.JOB, _once(rectification.forget)),
    Job(rectification.BEGIN, _once(rectification.begin_due)),
    Job(restriction.JOB, _once(restriction.lift_due)),
    Job(reminders.JOB, _once(reminders.tell)),
    Job(breaches.JOB, _once(breaches.remind)),
    Job(register.CLOSED, _to_the_end(lambda db, **_: register.forget_addresses(db))),
    Job(erasure_worker.RETRY, lambda: erasure_worker.retry(clock=utcnow)),
    Job(erasure_worker.FINISH, lambda: erasure_worker.work(settings(), clock=utcnow)),
    Job("heartbeats", _once(lambda db, **_: heartbeats.forget_processes(db))),
    Job("failures", _once(lambda db, **_: jobs.forget(db))),
    Job("ask for the forgotten", _ask_for_the_forgotten),
)
