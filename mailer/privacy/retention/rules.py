"""Apply the rules of retention (RGPD 5(1)e) every night, each with a few rows a transaction.

Restricted data are skipped (RGPD 18).  Like the send, a run opens its own transactions.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.orm import Session

from mailer.core import jobs
from mailer.core.audit import Audit
from mailer.core.db import Base, changed, transaction
from mailer.core.jobs import Job
from mailer.core.settings import settings
from mailer.core.throttle import Throttle
from mailer.delivery import erase as ledger
from mailer.imports import lifecycle, refused_introductions
from mailer.imports.models import Import, ImportFile, ImportReport, ImportState
from mailer.issues import stored_images
from mailer.issues.models import Asset
from mailer.notices import testers
from mailer.notices.models import Notice, Tester
from mailer.privacy.cases import access_links
from mailer.privacy.models import AddressChange, RightsIntake, RightsLink, RightsRequest
from mailer.privacy.retention import reconfirmation
from mailer.privacy.retention.inventory import Keep
from mailer.privacy.rights import rectification
from mailer.smtp.replies import FINAL
from mailer.staff import sessions
from mailer.staff.models import StaffSession
from mailer.subscribers import signup
from mailer.subscribers.consent import chain
from mailer.subscribers.models import (
    PreferencesRequest,
    SignupRequest,
    Subscriber,
    Subscription,
    SubscriptionState,
)
from mailer.subscribers.subscriptions import CONFIRM_WITHIN

WEEK = timedelta(days=7)  # what a form received, and files that wait for somebody's word
Where = Callable[[datetime], tuple[ColumnElement[bool], ...]]
Count = Callable[[Session, datetime], int]


@dataclass(frozen=True)
class Rule:
    """Hold one rule: how many rows are due, and how some of them are deleted (0: none is left)."""

    name: str
    says: Callable[[], str]
    due: Count
    apply: Count
    table: str = ""  # where several rules share the name

    @property
    def job(self) -> str:
        """Return the name under which it runs, and its failures are counted."""
        return f"{self.name} {self.table}".rstrip()


@dataclass(frozen=True)
class RuleResult:
    """Say how many rows a rule found, or deleted."""

    rule: str
    says: str
    rows: int
    failed: bool = False


def run(rules: Iterable[Rule], *, dry: bool, clock: Callable[[], datetime]) -> Iterator[RuleResult]:
    """Apply each rule to its end, even if others fail; with `dry`, only count what would be deleted."""
    for rule in rules:
        yield _counted(rule, clock()) if dry else _applied(rule, clock)


def _counted(rule: Rule, now: datetime) -> RuleResult:
    with transaction() as db:
        return RuleResult(rule.name, rule.says(), rule.due(db, now))


def _applied(rule: Rule, clock: Callable[[], datetime]) -> RuleResult:
    deleted: list[int] = []

    def apply() -> None:
        while not deleted or deleted[-1]:
            with transaction() as db:
                count = rule.apply(db, clock())
            deleted.append(count)

    failed = jobs.run([Job(rule.job, apply)])
    return RuleResult(rule.name, rule.says(), sum(deleted), failed=bool(failed))


def deletes(name: str, says: Callable[[], str], table: type[Base], where: Where) -> Rule:
    """Return a rule that deletes its rows in one statement."""
    return Rule(
        name, says,
        lambda db, now: db.scalar(select(func.count()).select_from(table).where(*where(now))) or 0,
        lambda db, now: changed(db, delete(table).where(*where(now))),
        table.__tablename__,
    )  # fmt: skip


def _traces(now: datetime) -> datetime:
    return now - timedelta(days=settings().trace_days)


def _unconfirmed(db: Session, now: datetime) -> int:
    stale = (
        Subscription.state == SubscriptionState.PENDING, Subscription.changed_at <= now - CONFIRM_WITHIN,
        Subscription.subscriber.has(Subscriber.restricted_at.is_(None)),
    )  # fmt: skip
    return db.scalar(select(func.count()).select_from(Subscription).where(*stale)) or 0


def _expirable(db: Session, _: datetime) -> int:
    """Count them by expiring them, and rolling back."""
    with db.begin_nested() as savepoint:
        count = chain.expire(db)
        savepoint.rollback()
    return count


def _changes_over(db: Session, now: datetime) -> int:
    over = AddressChange.expires_at <= now
    return db.scalar(select(func.count()).select_from(AddressChange).where(over)) or 0


REPLIES = Rule(
    Keep.REPLIES, lambda: f"what relays said of a delivery: {settings().trace_days} days",
    lambda db, now: ledger.replies(db, before=_traces(now)),
    lambda db, now: ledger.forget_replies(db, before=_traces(now)),
)  # fmt: skip


def _under_way() -> ColumnElement[bool]:
    return Import.state.in_((ImportState.RUNNING, ImportState.CHECKING, ImportState.UNDOING))


def _restricted() -> ColumnElement[bool]:
    return exists().where(
        Subscriber.fingerprint == RightsRequest.fingerprint, Subscriber.restricted_at.is_not(None)
    )


def _old_files(now: datetime) -> tuple[ColumnElement[bool], ...]:
    old = select(Import.id).where(~_under_way(), Import.created_at <= now - WEEK)
    return (ImportFile.import_id.in_(old),)


def _old_reports(now: datetime) -> tuple[ColumnElement[bool], ...]:
    year = now - timedelta(days=settings().audit_days)
    return (ImportReport.import_id.in_(select(Import.id).where(Import.finished_at <= year)),)


RULES: tuple[Rule, ...] = (
    Rule(Keep.UNCONFIRMED, lambda: f"sign-ups that nobody confirmed: {CONFIRM_WITHIN.days} days",
         _unconfirmed, lambda db, now: signup.purge(db, now=now)),
    Rule(reconfirmation.RECONFIRM, lambda: "one letter, a month before the end of the years that follow",
         reconfirmation.to_ask, reconfirmation.ask),
    Rule(Keep.INACTIVE, lambda: f"people: {settings().retention_years} years after their last positive act",
         reconfirmation.due, reconfirmation.end),
    Rule(Keep.EVIDENCE, lambda: f"evidence: {settings().evidence_years} years after its last event",
         _expirable, lambda db, _: chain.expire(db)),
    *(deletes(Keep.REQUESTS, lambda: "what a form received and nobody answered: 7 days", table, where)
      for table, where in (
          (SignupRequest, lambda now: (SignupRequest.at <= now - WEEK,)),
          (PreferencesRequest, lambda now: (PreferencesRequest.at <= now - WEEK,)),
          (RightsIntake, lambda now: (RightsIntake.at <= now - WEEK,)),
      )),
    deletes(Keep.RIGHTS_LINKS, lambda: f"rights links: {access_links.KEPT.days} day", RightsLink,
            access_links.over),
    Rule(Keep.ADDRESS_CHANGES, lambda: "changes of address: until they can no longer be undone",
         _changes_over, lambda db, now: rectification.forget(db, now=now)),
    deletes(Keep.NOTICES, lambda: f"single mails that left or were refused: {settings().trace_days} days",
            Notice, lambda now: (Notice.state.in_(FINAL), Notice.created_at <= _traces(now),
                                 ~refused_introductions.is_to_be_judged())),
    deletes(Keep.TESTERS, lambda: f"testers: {testers.AGREE_WITHIN.days} days for their answer, then "
            f"{settings().retention_years} years", Tester, testers.over),
    REPLIES,
    deletes(Keep.IMPORT_FILES, lambda: "files that wait for somebody's word: 7 days", Import,
            lambda now: (Import.state.in_(lifecycle.WAITING), Import.created_at <= now - WEEK)),
    deletes(Keep.IMPORT_FILES, lambda: "files of imports that ended otherwise: 7 days", ImportFile,
            _old_files),
    deletes(Keep.IMPORT_REPORTS, lambda: f"reports of imports: {settings().audit_days} days", ImportReport,
            _old_reports),
    deletes(Keep.THROTTLES, lambda: "counters: 24 hours, 30 days", Throttle,
            lambda now: (Throttle.until <= now,)),
    deletes(Keep.STAFF_SESSIONS, lambda: "sessions of the desk: 10 hours", StaffSession, sessions.over),
    deletes(Keep.CASES, lambda: f"closed cases: {settings().evidence_years} years", RightsRequest,
            lambda now: (RightsRequest.forget_at <= now, ~_restricted())),
    deletes(Keep.IMAGES, lambda: f"images that no issue and no library has: {stored_images.UNUSED.days} day",
            Asset, stored_images.unused),
    deletes(Keep.AUDIT, lambda: f"the audit: {settings().audit_days} days", Audit,
            lambda now: (Audit.at <= now - timedelta(days=settings().audit_days),)),
)  # fmt: skip
