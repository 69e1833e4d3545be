"""Rows the desk's tests look at."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from mailer.delivery.models import Delivery
from mailer.issues.models import Approval, Issue, Revision
from mailer.issues.state_machine import IssueState
from mailer.newsletters.models import LegalBasis, Newsletter, Theme
from mailer.smtp.replies import DeliveryState
from mailer.staff import accounts
from mailer.staff.models import Staff
from mailer.subscribers.consent.models import ConsentEvent
from mailer.subscribers.eligibility import Withheld

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
EMAIL, PASSWORD = "lea@example.org", "quatre mots bien choisis"
TITLE = "Un hiver solidaire : les lieux qui ouvrent"
CONTENT: dict[str, Any] = {
    "newsletter": "lettre", "title": TITLE, "subject": TITLE, "preheader": "Ce qui ouvre cet hiver.",
    "locale": "fr",
    "blocks": [
        {"kind": "editorial", "title": "Le mot", "text": "Un hiver long.", "signature": "L’équipe"},
        {"kind": "colophon", "lines": [{"role": "Directrice de la publication", "names": "A. Exemple"}]},
    ],
}  # fmt: skip


def make_staff(db: Session) -> Staff:
    return accounts.create(db, email=EMAIL, name="Léa Martin", password=PASSWORD, now=NOW)


def make_newsletter(db: Session, name: str = "La lettre de la solidarité") -> Newsletter:
    newsletter = Newsletter(
        slug=f"lettre-{uuid4().hex[:6]}",
        name=name,
        description="Chaque mois, ce qui change pour celles et ceux qui accompagnent.",
        locale="fr",
        theme=Theme.NEUTRAL,
        legal_basis=LegalBasis.CONSENT,
        from_name="Association d’exemple",
        from_address="lettre@example.org",
        reply_to="contact@example.org",
        return_path_domain="retour.example.org",
        created_at=NOW,
    )
    db.add(newsletter)
    db.flush()
    return newsletter


def make_issue(
    db: Session, newsletter: Newsletter, state: IssueState = IssueState.DRAFT, **values: Any
) -> UUID:
    """An issue as it stands in that state; the frozen ones have no delivery yet."""
    issue = Issue(
        newsletter_id=newsletter.id,
        state=IssueState.DRAFT,
        content=CONTENT,
        title=TITLE,
        created_at=NOW,
    )
    db.add(issue)
    db.flush()
    if state is not IssueState.DRAFT:
        _approve(db, issue)
    issue.state = state
    if state not in {IssueState.DRAFT, IssueState.SCHEDULED}:
        issue.started_at = NOW
    if state is IssueState.CLOSED:
        issue.closed_at = NOW
    for name, value in values.items():
        setattr(issue, name, value)
    db.flush()
    return issue.id


def make_deliveries(db: Session, issue_id: UUID, **counts: int) -> None:
    """Ledger rows, so many in each state."""
    event = ConsentEvent(previous=uuid4().bytes, payload_digest=b"", sha256=uuid4().bytes, mac=uuid4().bytes)
    db.add(event)
    db.flush()
    states = [DeliveryState(state) for state, count in counts.items() for _ in range(count)]
    db.add_all(_delivery(issue_id, n, state, event.id) for n, state in enumerate(states, 1))
    issue = db.get_one(Issue, issue_id)
    issue.candidates, issue.audience, issue.excluded = len(states) + 2, len(states), 2
    db.flush()


def _approve(db: Session, issue: Issue) -> None:
    sha256 = uuid4().bytes * 2
    db.add(
        Revision(
            sha256=sha256, content=CONTENT, subject=issue.title, locale="fr", html="", text="", created_at=NOW
        )
    )
    db.flush()
    db.add(Approval(issue_id=issue.id, revision_id=sha256, approver="terminal", at=NOW))
    issue.revision_id, issue.due_at = sha256, NOW + timedelta(days=3650)


def _delivery(issue_id: UUID, position: int, state: DeliveryState, consent_id: UUID) -> Delivery:
    return Delivery(
        issue_id=issue_id,
        position=position,
        consent_id=consent_id,
        state=state,
        due_at=NOW,
        changed_at=NOW,
        worker=uuid4() if state is DeliveryState.HANDED else None,
        withheld=Withheld.WITHDRAWN if state is DeliveryState.WITHHELD else None,
    )
