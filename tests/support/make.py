"""Builders: a valid thing in one line, with what matters to the test said aloud."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, text
from sqlalchemy.orm import Session

from mailer.core.restore_lock import Restoration
from mailer.core.settings import settings
from mailer.delivery import recovery
from mailer.delivery.claim import ProviderBudget
from mailer.delivery.load_issue import LeavingIssue
from mailer.delivery.message import Letter
from mailer.delivery.message import SenderIdentity as Identity
from mailer.delivery.shaping.budget import SendingBudget
from mailer.delivery.worker import SendWorker
from mailer.imports import apply
from mailer.imports.rows import person
from mailer.issues.models import Approval, Issue, Revision
from mailer.issues.state_machine import IssueState
from mailer.models import metadata
from mailer.newsletters.models import LegalBasis, Newsletter, Theme
from mailer.privacy.cases import register
from mailer.privacy.models import Channel, Right, RightsRequest
from mailer.privacy.rights import erasure
from mailer.privacy.rights.erasure_certificate import ErasureCertificate
from mailer.rendering.merge_fields import marker
from mailer.smtp.providers import OTHER
from mailer.smtp.rate import RateLimiter
from mailer.smtp.relay import Relay
from mailer.subscribers import signup
from mailer.subscribers.consent import wordings
from mailer.subscribers.consent.bulk import Common
from mailer.subscribers.models import Subscription
from mailer.subscribers.signup import SignupDecision
from tests.support.waiting import PATIENCE

ALL_TABLES = [table.name for table in metadata.sorted_tables]
LARGE = 1 << 19  # bytes of a table: beyond, what deleted rows leave would slow down those who read it
EPOCH = datetime(2026, 11, 23, 8, tzinfo=UTC)


def empty(connection: Connection) -> None:
    """Leave no row in any table, and the service armed; a few rows are deleted in a tenth of TRUNCATE's time.

    Only a superuser can: the chain of consent refuses.
    """
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text(_EMPTY))
    connection.execute(insert(Restoration).values(at=EPOCH, positions={}, armed_at=EPOCH))


def truncate(connection: Connection) -> None:
    """Leave every table as if it had just been made."""
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text(_TRUNCATE))


_TRUNCATE = f"TRUNCATE {', '.join(ALL_TABLES)} CASCADE"
_DELETE = "; ".join(f"DELETE FROM {table}" for table in ALL_TABLES)  # noqa: S608 -- the models' names
_EMPTY = f"""DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
               AND pg_relation_size(oid) > {LARGE})
    THEN {_TRUNCATE}; ELSE {_DELETE}; END IF;
END $$"""


def make_newsletter(db: Session, **changes: Any) -> Newsletter:
    values: dict[str, Any] = {
        "slug": "lettre", "name": "La lettre", "description": "", "locale": "fr", "theme": Theme.NEUTRAL,
        "legal_basis": LegalBasis.CONSENT, "from_name": "La lettre", "from_address": "lettre@example.org",
        "reply_to": "contact@example.org", "return_path_domain": "bounces.example.org", "created_at": EPOCH,
    }  # fmt: skip
    newsletter = Newsletter(**(values | changes))
    db.add(newsletter)
    db.flush()
    return newsletter


def make_readers(db: Session, newsletter: Newsletter, count: int) -> list[str]:
    """So many people with an imported consent; their addresses."""
    addresses = [f"reader{n}@{('example.org', 'example.com')[n % 2]}" for n in range(count)]
    outcomes = import_people(db, newsletter, addresses, informed_at=EPOCH)
    assert set(outcomes) <= {"new"}
    return addresses


def import_people(
    db: Session, newsletter: Newsletter, addresses: list[str], *, agreed: datetime | None = None,
    now: datetime = EPOCH, informed_at: datetime | None = None,
) -> list[str]:  # fmt: skip
    """Take over these people's consent; what became of each."""
    at, key = agreed or now - timedelta(days=30), settings().fingerprint_key.get_secret_value().encode()
    people = [
        person(address, name=None, locale="fr", source="test", said_at=at, key=key) for address in addresses
    ]
    common = Common(newsletter.id, now, "import", None)
    outcomes = apply.import_people(db, common, people, informed_at=informed_at)
    for each in db:
        if isinstance(each, Subscription):
            db.expire(each)  # it was written past the session
    return outcomes


def ask(
    db: Session, newsletter: Newsletter, email: str = "zoe@example.org", *, now: datetime, **changes: Any
) -> None:
    """What the sign-up form does."""
    wording = wordings.current_wording(newsletter.name, "L’association", "fr")
    values: dict[str, Any] = {"name": None, "locale": "fr", "wording": wording}
    signup.request(db, newsletter_id=newsletter.id, email=email, now=now, **(values | changes))


def sign_up(
    db: Session, newsletter: Newsletter, email: str = "zoe@example.org", *, now: datetime, **changes: Any
) -> SignupDecision | None:
    """What the form and then the worker do."""
    ask(db, newsletter, email, now=now, **changes)
    asked = signup.next_due(db, now=now)
    assert asked
    return signup.decide(db, asked, now=now)


def make_pending(db: Session, newsletter: Newsletter, **changes: Any) -> Subscription:
    """A subscription to be confirmed."""
    decided = sign_up(db, newsletter, **changes)
    assert decided
    return db.get_one(Subscription, decided.subscription_id)


def open_case(db: Session, *, now: datetime, **changes: Any) -> RightsRequest:
    """A case of Zoé's, about what is held."""
    values: dict[str, Any] = {"right": Right.ACCESS, "channel": Channel.EMAIL, "email": "zoe@example.org"}
    return register.open(db, now=now, **({"locale": "fr"} | values | changes))


def erase(
    db: Session, email: str, *, never_again: bool, now: datetime, case: RightsRequest | None = None
) -> ErasureCertificate:
    """A wish, granted at once."""
    asked = erasure.ask(db, email, never_again=never_again, case=case, now=now)
    done = erasure.grant(db, asked.id, now=now)
    assert isinstance(done, ErasureCertificate)
    return done


def make_scheduled_issue(db: Session, newsletter: Newsletter, words: str = "The letter.") -> Issue:
    """An approved issue that is due."""
    text = f"{marker('greeting')}\n{words}\n{marker('unsubscribe_url')}\n"
    html = f"<p>{marker('greeting')}</p><p>{words} <a href='{marker('unsubscribe_url')}'>unsubscribe</a></p>"
    sha256 = hashlib.sha256(newsletter.id.bytes + html.encode()).digest()
    db.add(
        Revision(
            sha256=sha256, content={}, subject="Un été", locale="fr", html=html, text=text, created_at=EPOCH
        )
    )
    db.flush()
    issue = Issue(
        newsletter_id=newsletter.id, state=IssueState.SCHEDULED, content={}, title="Numéro 1",
        created_at=EPOCH, revision_id=sha256, due_at=EPOCH,
    )  # fmt: skip
    db.add(issue)
    db.flush()
    db.add(Approval(issue_id=issue.id, revision_id=sha256, approver="terminal", at=EPOCH))
    db.flush()
    return issue


def make_letter(issue: Issue) -> Letter:
    """What leaves of an issue whose audience is frozen."""
    identity = Identity(
        "lettre", "La lettre", "La lettre", "lettre@example.org", "contact@example.org",
        "bounces.example.org", "http://letters.example.org",
    )  # fmt: skip
    assert issue.send_id
    assert issue.started_at
    html = "<p>\ue000greeting\ue001</p><a href='\ue000unsubscribe_url\ue001'>x</a>"
    return Letter(
        issue.send_id, identity, "fr", "Un été", html, "\ue000greeting\ue001 Bonne lecture.", issue.started_at
    )


def make_sender(relay: Relay, connections: int = 3) -> SendWorker:
    """A worker in this process, with neither pace nor providers."""
    budget = SendingBudget({}, RateLimiter("", 0, {}, 1), senders=1)
    return SendWorker(relay, connections, recovery.folder(settings()), budget=budget)


def send_letter(worker: SendWorker, issue_id: UUID, letter: Letter) -> None:
    """Have a worker send what is due of one issue, and nothing else."""
    only = {issue_id: LeavingIssue(letter, frozenset())}
    worker.work(only, lambda *_: only, seconds=PATIENCE)


def all_of(issue_id: UUID, most: int = 100) -> list[ProviderBudget]:
    """What a claim is asked for that may take so many rows of one issue, of no provider in particular."""
    return [ProviderBudget(issue_id, OTHER, most)]
