"""Have a worker look at the addresses that a letter links to, and keep what they answered, with when.

The desk asks; a worker looks with no transaction open; the checks read what it wrote (checks/dead_links.py).
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from mailer.core.after_commit import Task, wake
from mailer.core.public_web import MOST, Answer
from mailer.issues.checks.dead_links import address
from mailer.issues.checks.letter import links_of
from mailer.issues.checks.visits import Visit
from mailer.issues.draft_preview import content
from mailer.issues.drafts import identified
from mailer.issues.models import Issue, LinkVisit

JOB = "links"  # whose rows are addresses
BATCH = 40  # addresses a worker looks at in one go


def ask(db: Session, issue: Issue, *, now: datetime) -> int:
    """Ask that every web address of a letter be looked at again; return how many there are."""
    forget(db, issue)
    letter = content(identified(issue.content), issue.assets)
    addresses = dict.fromkeys(address(link.url) for link in links_of(letter))
    asked = [each for each in addresses if each.lower().startswith(("http://", "https://"))][:MOST]
    db.add_all(LinkVisit(issue_id=issue.id, url=url, asked_at=now) for url in asked)
    db.flush()
    wake(db, Task.LINKS)
    return len(asked)


def waiting(db: Session) -> list[str]:
    """Return addresses that nobody has looked at yet, those asked for first before the others."""
    rows = select(LinkVisit.url).where(LinkVisit.looked_at.is_(None)).group_by(LinkVisit.url)
    return list(db.scalars(rows.order_by(func.min(LinkVisit.asked_at), LinkVisit.url).limit(BATCH)))


def record(db: Session, answers: Mapping[str, Answer], *, now: datetime) -> None:
    """Keep what addresses answered, wherever they were asked for."""
    for url, answer in answers.items():
        db.execute(
            update(LinkVisit)
            .where(LinkVisit.url == url, LinkVisit.looked_at.is_(None))
            .values(looked_at=now, status=answer.status, fault=answer.fault)
        )


def of_issue(db: Session, issue_id: UUID) -> dict[str, Visit]:
    """Return what the addresses of a letter answered; those not yet looked at are left out."""
    rows = db.scalars(
        select(LinkVisit).where(LinkVisit.issue_id == issue_id, LinkVisit.looked_at.is_not(None))
    )
    return {row.url: Visit(row.looked_at, row.status, row.fault) for row in rows if row.looked_at}


def progress(db: Session, issue_id: UUID) -> tuple[int, int, datetime | None]:
    """Return how many addresses were asked for, how many were looked at, and when last."""
    counts = select(func.count(), func.count(LinkVisit.looked_at), func.max(LinkVisit.looked_at))
    asked, looked, last = db.execute(counts.where(LinkVisit.issue_id == issue_id)).one()
    return asked, looked, last


def forget(db: Session, issue: Issue) -> None:
    """Forget what the addresses of a letter answered."""
    db.execute(delete(LinkVisit).where(LinkVisit.issue_id == issue.id))
