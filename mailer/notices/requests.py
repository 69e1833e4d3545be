"""Decide on requests from the public forms, one a transaction, and queue the answer by mail."""

from datetime import datetime

from sqlalchemy.orm import Session

from mailer.core import jobs
from mailer.notices import outbox
from mailer.subscribers import preferences, signup


def decide_signup(db: Session, *, now: datetime) -> bool:
    """Decide on the oldest sign-up; return whether there was one."""
    request = signup.next_due(db, now=now)
    if request is None:
        return False
    with jobs.row(signup.JOB, request.id, db):
        decided = signup.decide(db, request, now=now)
        if decided:
            outbox.answer_signup(db, decided, now=now)
    return True


def decide_preferences(db: Session, *, now: datetime) -> bool:
    """Decide on the oldest request for a preferences link; return whether there was one."""
    request = preferences.next_due(db)
    if request is None:
        return False
    with jobs.row(preferences.JOB, request.id, db):
        due = preferences.decide(db, request, now=now)
        if due:
            outbox.send_preferences(db, due.subscription_id, lasts_until=due.lasts_until, now=now)
    return True
