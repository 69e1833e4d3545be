"""The letter of an issue: its approved revision, put together with how its newsletter presents itself."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session, joinedload

from mailer.core import restore_lock
from mailer.core.settings import Settings
from mailer.delivery.message import Letter, Recipient, SenderIdentity
from mailer.issues.models import Issue, Revision
from mailer.issues.render import Rendered
from mailer.newsletters.models import Newsletter
from mailer.smtp.dkim import Signer

_SAMPLE_ID = UUID(int=0)  # no send has it: a link in a sample leads to nobody


def leaving(db: Session, issue_id: UUID, settings: Settings, signer: Signer | None) -> Letter | None:
    """Return the letter of an issue whose audience is frozen; None otherwise, and while the service is
    disarmed.
    """
    if restore_lock.disarmed(db):
        return None
    issue = db.get(Issue, issue_id, options=[joinedload(Issue.newsletter)])
    if issue is None or issue.send_id is None or issue.started_at is None:
        return None
    revision = db.get_one(Revision, issue.revision_id)
    sender = _sender(issue.newsletter, settings)
    return Letter(
        issue.send_id,
        sender,
        revision.locale,
        revision.subject,
        revision.html,
        revision.text,
        issue.started_at,
        signer.sign if signer else None,
    )


def sample(issue: Issue, page: Rendered, settings: Settings, *, now: datetime) -> bytes:
    """Return an issue as a whole message (.eml), to nobody real; its newsletter is loaded."""
    sender = _sender(issue.newsletter, settings)
    letter = Letter(
        _SAMPLE_ID, sender, issue.content["locale"], issue.content["subject"], page.html, page.text, now
    )
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
