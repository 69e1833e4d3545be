"""What long work shows in a terminal: a bar on standard error, for anything countable and for a send."""

import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import click

from mailer.core.db import transaction
from mailer.delivery import reports
from mailer.delivery.reports import Progress
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState

EVERY = 0.5  # seconds


class NeverScheduled(Exception):
    """Say that one cannot follow an issue that is a draft."""


def bar(length: int, label: str) -> Any:
    """Return a progress bar on standard error, a context manager with `update(steps)`."""
    return click.progressbar(length=length, label=label, file=sys.stderr, show_pos=True)


def follow(issue_id: UUID, *, check: Callable[[], object] = lambda: None) -> None:
    """Show an issue's deliveries until it is closed; `check` is called at each look, and may raise.

    Raises NeverScheduled.
    """
    _wait_for_the_freeze(issue_id, check)
    state, progress = _look(issue_id)
    with bar(max(progress.audience, 1), "sending") as drawn:
        while state is not IssueState.CLOSED:
            drawn.update(progress.final - drawn.pos)
            time.sleep(EVERY)
            check()
            state, progress = _look(issue_id)
        drawn.update(drawn.length - drawn.pos)


def _wait_for_the_freeze(issue_id: UUID, check: Callable[[], object]) -> None:
    said = False
    while (state := _look(issue_id)[0]) in {IssueState.DRAFT, IssueState.SCHEDULED}:
        if state is IssueState.DRAFT:
            raise NeverScheduled("this issue is a draft: schedule it first, then follow it")
        if not said:
            click.echo("scheduled: waiting for its time", err=True)
            said = True
        time.sleep(EVERY)
        check()


def _look(issue_id: UUID) -> tuple[IssueState, Progress]:
    with transaction() as db:
        return db.get_one(Issue, issue_id).state, reports.progress(db, issue_id)
