"""Decide on what the public forms received, one request a transaction, and have it answered by mail."""

from datetime import datetime

from sqlalchemy.orm import Session

from mailer.core import jobs
from mailer.notices import outbox
from mailer.subscribers import preferences, signup


def decide_signup(db: Session, *, now: datetime) -> bool:
    """Decide on the oldest sign-up; whether there was one."""
    asked = signup.next_due(db, now=now)
    if asked is None:
        return False
    with jobs.row(signup.JOB, asked.id, db):
        decided = signup.decide(db, asked, now=now)
        if decided:
            outbox.answer_signup(db, decided, now=now)
    return True


def decide_preferences(db: Session, *, now: datetime) -> bool:
    """Decide on the oldest request for a link to one's preferences; whether there was one."""
    asked = preferences.next_due(db)
    if asked is None:
        return False
    with jobs.row(preferences.JOB, asked.id, db):
        known = preferences.decide(db, asked, now=now)
        if known:
            outbox.send_preferences(db, known, now=now)
    return True
