"""Anchor how far the database is while an issue leaves: no line of the privacy log is written meanwhile."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.subscribers.consent import chain


def anchor(db: Session, *, now: datetime) -> None:  # noqa: ARG001 -- as every act of the sweep
    """Have this commit anchored, if an issue leaves: a copy of the database from before it then shows."""
    if db.scalar(select(exists().where(Issue.state == IssueState.SENDING))):
        chain.anchor_progress(db)
