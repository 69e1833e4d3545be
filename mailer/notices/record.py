"""Record what became of a single mail, and what follows from it."""

from datetime import datetime

from sqlalchemy.orm import Session

from mailer.core import circuit
from mailer.notices import issue_tests
from mailer.notices.claim import jitter
from mailer.notices.message import ClaimedNotice
from mailer.notices.models import Notice, NoticeKind
from mailer.smtp.providers import OTHER, is_throttle
from mailer.smtp.replies import FINAL, DeliveryState, Reply, said, verdict
from mailer.subscribers import subscriptions


def record(db: Session, claimed: ClaimedNotice, answer: Reply, *, now: datetime) -> DeliveryState | None:
    """Record the reply that decides; return the notice's new state, None if it was final before."""
    notice = db.get(Notice, claimed.id, with_for_update=True)
    if notice is None or notice.state in FINAL:
        return None
    decided = verdict(
        answer, now=now, attempts=claimed.attempts, first_tried=claimed.first_tried, jitter=jitter
    )
    notice.state, notice.code = decided.state, answer.code
    notice.enhanced, notice.reply = answer.enhanced or None, answer.text
    notice.due_at = decided.due_at or now
    if claimed.kind is NoticeKind.TEST:
        issue_tests.count(db, notice, decided.state)
    if decided.state is DeliveryState.ACCEPTED:
        _accepted(db, claimed, now)
    return decided.state


def share(db: Session, provider: str, answer: Reply, *, now: datetime) -> None:
    """Share with those who send letters what a reply tells of its provider: that it is too much, or no more.

    A hold that lasts is not ended by one mail.
    """
    if provider == OTHER:
        return
    if is_throttle(answer):
        circuit.hit(db, provider, said(answer), now=now)
    elif answer.code // 100 == 2:
        hold = circuit.known(db).get(provider)
        if hold and hold.until <= now:
            circuit.clear(db, provider)


def _accepted(db: Session, claimed: ClaimedNotice, now: datetime) -> None:
    """Apply what follows once the relay has accepted the mail."""
    if claimed.subscription_id is None:
        return
    if claimed.kind is NoticeKind.WELCOME:
        subscriptions.informed(db, claimed.subscription_id, now=now)
    if claimed.kind is NoticeKind.CONFIRMATION:
        subscriptions.keep_open(db, claimed.subscription_id, now=now)
