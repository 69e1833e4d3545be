"""Send an issue as it would leave to those who read it before: oneself, and the newsletter's testers.

A test is a notice: it leaves by the same worker, at the same pace and over the same connections, and is
never a delivery.  What it shows is a frozen revision, so that the ledger of tests can say whether what was
approved is what was tested.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from mailer.core.i18n import Explained
from mailer.core.settings import Settings
from mailer.issues import lifecycle, yaml_errors
from mailer.issues.checks.weight import too_heavy
from mailer.issues.lifecycle import NotReady
from mailer.issues.models import Issue, Revision
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox, testers
from mailer.notices.marked_letter import MarkedLetter
from mailer.notices.models import IssueTest, Notice, NoticeKind
from mailer.rendering.mjml import MjmlTooLarge
from mailer.smtp.replies import WAITING, DeliveryState
from mailer.staff.models import Staff

MOST, WINDOW = 20, timedelta(hours=1)  # tests of a newsletter
_TEST, _TESTER, _STAFF = "test", "tester", "staff"  # in a notice's facts


class RefusedTest(Explained):
    """Tell why no test was sent."""

    sentences = "newsletters", "tester"


@dataclass(frozen=True)
class LedgerLine:
    """Hold one test as the ledger shows it."""

    at: datetime
    by: str  # a name
    revision: str  # how its SHA-256 begins
    approved: bool  # it is the content that is scheduled, or was sent
    recipients: int
    accepted: int
    refused: int
    waiting: int

    @property
    def unsent(self) -> int:
        """Return how many were not sent after all: their reason was gone."""
        return self.recipients - self.accepted - self.refused - self.waiting


def send(
    db: Session, issue: Issue, *, by: Staff, to_testers: bool, settings: Settings, now: datetime
) -> IssueTest:
    """Queue an issue as it would leave now; to whoever asks alone, or to the testers as well.

    Raises RefusedTest, and NotReady where it is not finished; then nothing is sent.
    """
    of = newsletters.locked(db, issue.newsletter)
    _refuse_too_many(db, of, settings, now)
    copies = _copies(db, of, by, to_testers=to_testers)
    revision_id = _revision(db, issue, settings, now)
    test = IssueTest(
        issue_id=issue.id, newsletter_id=of.id, revision_id=revision_id, asked_by=str(by.id), at=now,
        recipients=len(copies),
    )  # fmt: skip
    db.add(test)
    db.flush()
    for email, values in copies.items():
        facts = values["facts"] | {_TEST: test.id.hex}
        outbox.post(
            db, NoticeKind.TEST, email=email, locale=issue.content["locale"], name=values["name"],
            facts=facts, now=now,
        )  # fmt: skip
    return test


def listing(db: Session, issue: Issue) -> list[LedgerLine]:
    """Return the tests of an issue, the newest first."""
    waiting = _waiting(db, issue)
    joined = select(IssueTest, Staff.name).outerjoin(
        Staff, func.cast(Staff.id, IssueTest.asked_by.type) == IssueTest.asked_by
    )
    rows = db.execute(joined.where(IssueTest.issue_id == issue.id).order_by(IssueTest.at.desc()))
    return [
        LedgerLine(
            at=test.at, by=name or "—", revision=test.revision_id.hex()[:8],
            approved=test.revision_id == issue.revision_id, recipients=test.recipients,
            accepted=test.accepted, refused=test.refused, waiting=waiting.get(test.id.hex, 0),
        )
        for test, name in rows
    ]  # fmt: skip


def is_wanted(db: Session, notice: Notice) -> bool:
    """Return whether the reason for which a test was to be sent still holds."""
    facts = notice.facts or {}
    if staff_id := facts.get(_STAFF):
        account = db.get(Staff, UUID(staff_id))
        return account is not None and account.disabled_at is None
    tester = testers.find(db, UUID(facts[_TESTER]))
    return tester is not None and tester.confirmed_at is not None and testers.may_read(db, tester)


def letter_of(db: Session, notice: Notice, settings: Settings) -> tuple[MarkedLetter, Newsletter]:
    """Return what a test shows, and whose it is."""
    facts = notice.facts or {}
    test = db.get_one(IssueTest, UUID(facts[_TEST]))
    revision = db.get_one(Revision, test.revision_id)
    of = db.get_one(Newsletter, test.newsletter_id)
    letter = MarkedLetter(
        revision.subject, revision.html, revision.text, revision.locale, settings.public_url,
        issue_path=f"/{of.slug}/issues/{test.issue_id}", tester=facts.get(_TESTER, ""),
    )  # fmt: skip
    return letter, of


def count(db: Session, notice: Notice, state: DeliveryState) -> None:
    """Add what became of one copy to its test."""
    column = {DeliveryState.ACCEPTED: IssueTest.accepted, DeliveryState.REFUSED: IssueTest.refused}.get(state)
    if column is not None:
        mine = IssueTest.id == UUID((notice.facts or {})[_TEST])
        db.execute(update(IssueTest).where(mine).values({column: column + 1}))


def _revision(db: Session, issue: Issue, settings: Settings, now: datetime) -> bytes:
    try:
        return issue.revision_id or lifecycle.freeze(db, issue, settings, now)
    except ValidationError as unfinished:
        raise NotReady(yaml_errors.findings(unfinished)) from None
    except MjmlTooLarge as large:
        raise NotReady([too_heavy(large.size)]) from None


def _refuse_too_many(db: Session, of: Newsletter, settings: Settings, now: datetime) -> None:
    recent = IssueTest.newsletter_id == of.id, IssueTest.at > now - WINDOW
    sent = list(db.scalars(select(IssueTest.at).where(*recent).order_by(IssueTest.at.desc()).limit(MOST)))
    if len(sent) == MOST:
        free = (sent[-1] + WINDOW).astimezone(settings.zone)
        raise RefusedTest("often", most=MOST, at=f"{free:%H:%M}")


def _copies(db: Session, of: Newsletter, by: Staff, *, to_testers: bool) -> dict[str, dict[str, Any]]:
    """Return to which addresses it goes, each with what its notice says of the reason."""
    reading = testers.reading(db, of.id)
    if to_testers and not reading:
        raise RefusedTest("nobody")
    mine: dict[str, Any] = {"name": by.name, "facts": {_STAFF: by.id.hex}}
    theirs = reading if to_testers else [each for each in reading if each.email == by.email]
    copies = {each.email: {"name": None, "facts": {_TESTER: each.id.hex}} for each in theirs}
    own = {"name": by.name, "facts": copies[by.email]["facts"]} if by.email in copies else mine
    return {by.email: own} | {email: copy for email, copy in copies.items() if email != by.email}


def _waiting(db: Session, issue: Issue) -> dict[str, int]:
    """Return how many copies of each test of an issue still wait, by its id in hexadecimal."""
    test = Notice.facts[_TEST].astext
    ids = [each.hex for each in db.scalars(select(IssueTest.id).where(IssueTest.issue_id == issue.id))]
    counted = select(test, func.count()).where(
        Notice.kind == NoticeKind.TEST, Notice.state.in_(WAITING), test.in_(ids)
    )
    return {row[0]: row[1] for row in db.execute(counted.group_by(test))}
