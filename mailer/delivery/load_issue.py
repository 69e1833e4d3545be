"""Load the issues that leave: the approved revision of each, and how its newsletter presents itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from mailer.core import jobs, restore_lock
from mailer.core.settings import Settings
from mailer.delivery import refusals
from mailer.delivery.message import Letter, Recipient, SenderIdentity
from mailer.issues.models import Issue, Revision
from mailer.issues.render import Rendered
from mailer.issues.state_machine import IssueState
from mailer.newsletters.models import Newsletter
from mailer.rendering.merge_fields import marked
from mailer.smtp.dkim import Signer

JOB = "send"  # its rows are issues
_SAMPLE_ID = UUID(int=0)  # no send has it: a link in a sample leads to nobody


@dataclass(frozen=True)
class LeavingIssue:
    """Hold what a worker needs of an issue that leaves."""

    letter: Letter
    accepted_wordings: frozenset[str]  # of refusals that a person took as they are


def leaving(
    db: Session, known: Mapping[UUID, LeavingIssue], settings: Settings, signer: Signer | None
) -> dict[UUID, LeavingIssue]:
    """Return every issue that leaves, by id, those of `known` as they are; none while disarmed.

    Raises RowFailed for one that cannot be put together; the others leave at the next call.
    """
    if restore_lock.disarmed(db):
        return {}
    here = Issue.state == IssueState.SENDING, Issue.send_id.is_not(None), jobs.to_try(JOB, Issue.id)
    issues: dict[UUID, LeavingIssue] = {}
    for issue_id in db.scalars(select(Issue.id).where(*here).order_by(Issue.started_at, Issue.id)):
        with jobs.row(JOB, issue_id):
            issues[issue_id] = known.get(issue_id) or _load(db, issue_id, settings, signer)
    return issues


def _load(db: Session, issue_id: UUID, settings: Settings, signer: Signer | None) -> LeavingIssue:
    return LeavingIssue(letter(db, issue_id, settings, signer), refusals.accepted_wordings(db, issue_id))


def letter(db: Session, issue_id: UUID, settings: Settings, signer: Signer | None) -> Letter:
    """Return the letter of an issue whose audience is frozen.  Raises ValueError for any other."""
    issue = db.get_one(Issue, issue_id, options=[joinedload(Issue.newsletter)])
    if issue.send_id is None or issue.started_at is None:
        raise ValueError(issue_id)
    revision = db.get_one(Revision, issue.revision_id)
    return Letter(
        issue.send_id,
        _sender(issue.newsletter, settings),
        revision.locale,
        revision.subject,
        revision.html,
        revision.text,
        issue.started_at,
        signer.sign if signer else None,
    )


def sample(issue: Issue, page: Rendered, settings: Settings, *, now: datetime) -> bytes:
    """Return an issue as a whole message (.eml), to nobody real; its newsletter is loaded."""
    sender, subject = _sender(issue.newsletter, settings), marked(issue.content.get("subject", ""))
    letter = Letter(_SAMPLE_ID, sender, issue.content["locale"], subject, page.html, page.text, now)
    reader = Recipient(1, "camille.dupont@example.org", "Camille Dupont")
    return letter.to(reader).message


def _sender(of: Newsletter, settings: Settings) -> SenderIdentity:
    return SenderIdentity(
        slug=of.slug,
        name=of.name,
        from_name=of.from_name,
        from_address=of.from_address,
        reply_to=of.reply_to,
        domain=of.return_path_domain,
        public_url=settings.public_url,
    )
