"""Measure a whole send: an issue scheduled, frozen, claimed, personalised, sent, recorded and closed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from bench.comparisons import Run, Uncounted, counted
from bench.processes import Child, Meter, Peak, cpu
from bench.services import Services
from bench.sink import Sink
from mailer import celery_app
from mailer.core import after_commit
from mailer.core.db import transaction, utcnow
from mailer.core.paths import templates_dir
from mailer.delivery import follow, load_issue
from mailer.delivery.models import Delivery
from mailer.issues import lifecycle, yaml_file
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.newsletters import newsletters
from mailer.newsletters.models import LegalBasis, Theme
from mailer.smtp.replies import DeliveryState

LETTER = "examples/lettre/lettre.yaml"
BLOCKS = 6  # of the letter: 49 KB, about the size of the letters of the plan
LOOK_EVERY = 0.05  # seconds, at the sink's counter
CLOSED_SEEN_WITHIN = 2.0  # seconds; some rows may be final without having reached the sink
SILENCE = 300.0  # seconds without progress after which something is broken


class Stalled(Exception):
    """The send does not advance; the message says where its log is."""


@dataclass(frozen=True)
class Sent:
    """Hold the measures of an issue that was sent."""

    run: Run
    freeze: float  # seconds from the start of the freeze until the first row was claimed


def newsletter(slug: str) -> UUID:
    """A publication of its own for each size of audience."""
    with transaction() as db:
        created = newsletters.create_newsletter(
            db, slug=slug, name="La lettre du commissariat", locale="fr", now=utcnow(), description="Mesures",
            theme=Theme.NEUTRAL, legal_basis=LegalBasis.CONSENT, from_name="La lettre du commissariat",
            from_address="lettre@example.org", reply_to="contact@example.org",
            return_path_domain="retour.example.org",
        )  # fmt: skip
    return created.id


def draft(slug: str) -> UUID:
    """The example letter as an issue of this newsletter, cut to its first blocks."""
    content, assets = yaml_file.load(templates_dir() / LETTER)
    short = content.model_copy(update={"newsletter": slug, "blocks": content.blocks[:BLOCKS]})
    with transaction() as db:
        return lifecycle.import_issue(db, short, assets, now=utcnow()).id


def write_sample(services: Services, slug: str, file: Path) -> int:
    """One copy as a file, with the line ends smtp-source asks for; its size in bytes on the wire."""
    with transaction() as db:
        issue = db.get_one(Issue, draft(slug), options=[joinedload(Issue.newsletter)])
        page = lifecycle.rendered(db, issue, services.settings)
        message = load_issue.sample(issue, page, services.settings, now=utcnow())
    file.write_bytes(message.replace(b"\r\n", b"\n"))
    return len(message)


def schedule(services: Services, issue_id: UUID) -> None:
    """Approve an issue, due at once, and wake a worker, as `mailer issue schedule --now` does."""
    after_commit.install(celery_app.ask_for)
    with transaction() as db:
        issue = db.get_one(Issue, issue_id, options=[joinedload(Issue.newsletter)])
        now = utcnow()
        lifecycle.schedule(db, issue, due_at=now, approver="bench", now=now, settings=services.settings)


def send(services: Services, sink: Sink, workers: Child, slug: str, count: int, *, label: str = "") -> Sent:
    """Send the letter to everybody on this newsletter.  Raises Stalled, Uncounted."""
    issue_id, start, peak = draft(slug), sink.count(), Peak()
    meter = Meter(lambda: services.cpu() | {"senders": cpu(workers.family())} | sink.cpu())
    with peak.watching(workers):
        schedule(services, issue_id)
        wait_closed(issue_id, workers, lambda: sink.count() - start, count, label)
    used = meter.stop()
    ledger = states(issue_id)
    if ledger != {DeliveryState.ACCEPTED: count}:
        raise Uncounted(f"{count} recipients, and the ledger says {ledger}")
    counted(sink, start, count)
    freeze, seconds = _times(issue_id)
    return Sent(Run(count, seconds, *used, peak.bytes), freeze)


def wait_closed(
    issue_id: UUID, workers: Child, progress: Callable[[], int], count: int, label: str = ""
) -> None:
    """Until the issue is closed, with a bar on standard error.  Raises Stalled."""
    moved = looked = time.monotonic()
    with follow.bar(count, label or f"sending {count:,}") as drawn:
        while True:
            time.sleep(LOOK_EVERY)
            now = time.monotonic()
            if steps := min(progress(), count) - drawn.pos:
                drawn.update(steps)
                moved = now
            if drawn.pos == count or now - looked > CLOSED_SEEN_WITHIN:
                looked = now
                if _closed(issue_id):
                    return
            if not workers.alive or now - moved > SILENCE:
                raise Stalled(f"the send stands still at {drawn.pos} of {count}: see {workers.log.parent}")


def states(issue_id: UUID) -> dict[DeliveryState, int]:
    """What the ledger says became of an issue's deliveries."""
    counts = select(Delivery.state, func.count()).where(Delivery.issue_id == issue_id)
    with transaction() as db:
        return dict(db.execute(counts.group_by(Delivery.state)).tuples().all())


def _closed(issue_id: UUID) -> bool:
    with transaction() as db:
        return db.scalar(select(Issue.state).where(Issue.id == issue_id)) is IssueState.CLOSED


def _times(issue_id: UUID) -> tuple[float, float]:
    """Seconds from the start of the freeze to the first claim, and to the last acceptance recorded."""
    accepted = func.max(Delivery.changed_at).filter(Delivery.state == DeliveryState.ACCEPTED)
    times: Any = select(Issue.started_at, func.min(Delivery.first_tried), accepted).join(
        Delivery, Delivery.issue_id == Issue.id
    )
    with transaction() as db:
        started, claimed, last = db.execute(times.where(Issue.id == issue_id).group_by(Issue.id)).one()
    return (claimed - started).total_seconds(), (last - started).total_seconds()
