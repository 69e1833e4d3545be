"""Every text, JSON and bytea column of a person's rows is filled with a canary: none sings after an erasure.

So a column cannot be waved through as "not personal", nor forgotten by whoever adds it.
"""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Column, Enum, LargeBinary, String, Table, Text, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from mailer.core.db import transaction
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.delivery import audience
from mailer.delivery.models import Delivery
from mailer.imports.models import Import, ImportFile, ImportState
from mailer.issues.models import Issue
from mailer.models import metadata
from mailer.notices import outbox, testers
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import access_links, register
from mailer.privacy.models import AddressChange, RightsEvent, RightsIntake, RightsLink, RightsRequest
from mailer.privacy.retention.inventory import HOLDINGS, Whose
from mailer.privacy.rights import erasure, erasure_worker
from mailer.subscribers import subscriptions
from mailer.subscribers.consent import chain
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.models import PreferencesRequest, SignupRequest, Subscriber, Subscription
from tests.support.make import (
    EPOCH,
    ask,
    erase,
    make_newsletter,
    make_pending,
    make_scheduled_issue,
    open_case,
)

CANARY = "kanari"
EMAIL = f"{CANARY}@{CANARY}.example"
# What no person's words ever reach, and why; a new column is not among them.
NOT_FILLED = {
    "fingerprint": "a keyed hash", "salt": "random", "key": "a keyed hash", "moved_from": "a keyed hash",
    "moved_to": "a keyed hash", "wording_sha256": "a text shown to everybody", "locale": "fr or en",
    "channel": "a word of the code's", "form_version": "a word of the code's",
    "provider": "a provider's name",
    "enhanced": "three numbers", "what": "a word of the code's", "by": "a staff id", "handler": "a staff id",
    "asked_by": "a staff id", "file_fingerprint": "a keyed hash", "lines": "numbers and outcomes",
    **{f"subscriber_import.{column}": "the body's own words, or the code's"
       for column in ("preset", "columns", "source", "legal_text", "reasons", "error")},
}  # fmt: skip
STAYS = {"consent_payload"}  # the evidence: source and legal text are the body's words, sealed in the chain


def _tables() -> list[Table]:
    """Those that hold a person's data, and those that hang on them."""
    theirs = {each.where for each in HOLDINGS if each.whose is Whose.PERSON}
    hanging = {
        t.name for t in metadata.sorted_tables for k in t.foreign_keys if k.column.table.name in theirs
    }
    return [table for table in metadata.sorted_tables if table.name in theirs | hanging]


def _columns() -> Iterator[Column[object]]:
    for table in _tables():
        for column in table.columns:
            free = isinstance(column.type, String | Text | JSONB | LargeBinary)
            if (
                free
                and not isinstance(column.type, Enum)
                and not {column.name, str(column)} & set(NOT_FILLED)
            ):
                yield column


def _sings(db: Session, column: Column[object]) -> bool:
    raw = column.cast(Text).contains(CANARY) | column.cast(Text).contains(CANARY.encode().hex())
    return bool(db.scalar(select(func.count()).select_from(column.table).where(raw)))


def _filled(db: Session) -> None:
    """A person with a row in every table, a canary in every column."""
    newsletter = make_newsletter(db)
    subscription = make_pending(db, newsletter, email=EMAIL, name=CANARY, now=EPOCH)
    subscriptions.confirm(db, subscription.id, now=EPOCH)
    chain.append(db, ConsentPayload(
        fingerprint=fingerprint_of(EMAIL), newsletter_id=newsletter.id, kind=ConsentKind.IMPORTED,
        at=EPOCH, channel="import", source=CANARY, legal_text=CANARY,
    ))  # fmt: skip
    issue = make_scheduled_issue(db, newsletter)
    assert audience.freeze(db, issue.id, now=EPOCH)
    ask(db, newsletter, EMAIL, now=EPOCH, name=CANARY)
    db.add(PreferencesRequest(email=EMAIL, at=EPOCH))
    db.add(RightsIntake(email=EMAIL, locale="fr", at=EPOCH, due_at=EPOCH))
    _rights(db, subscription)
    testers.add(db, newsletter, EMAIL, by="terminal", now=EPOCH)
    outbox.welcome(db, subscription.id, now=EPOCH)
    outbox.post(db, NoticeKind.LETTER, email=EMAIL, name=CANARY, locale="fr", facts={"a": CANARY}, now=EPOCH)
    job = Import(
        newsletter_id=newsletter.id, state=ImportState.CHECKED, by="terminal", file_name=f"{CANARY}.csv",
        file_fingerprint=b"", records=1, preset="csv", columns={}, source="fair", locale="fr",
        created_at=EPOCH,
    )  # fmt: skip
    db.add(job)
    db.flush()
    body = f"email,name\n{EMAIL},{CANARY}\n"
    db.add(ImportFile(import_id=job.id, number=0, body=body.encode()))
    db.flush()
    for table, values in (
        (Subscriber, {"directives": CANARY}), (Delivery, {"reply": CANARY}),
        (Notice, {"reply": CANARY, "answers": CANARY, "state": "accepted"}),
        (RightsLink, {"used_at": EPOCH, "session_digest": CANARY.encode()}),
        (RightsRequest, {"extended_at": EPOCH, "extension_reason": CANARY, "refusal_reason": CANARY,
                         "message_id": CANARY}),
        (RightsEvent, {"details": {"right": "access", "words": CANARY, CANARY: CANARY}}),
    ):  # fmt: skip
        db.execute(update(table).values(**values))


def _rights(db: Session, subscription: Subscription) -> None:
    access_links.send(db, email=EMAIL, locale="fr", now=EPOCH)
    case = open_case(db, now=EPOCH, email=EMAIL, name=CANARY)
    register.refuse(db, case, CANARY, by="terminal", now=EPOCH)
    db.add(AddressChange(
        id=uuid4(), subscriber_id=subscription.subscriber_id, request_id=case.id, old_email=EMAIL,
        new_email=f"{CANARY}2@{CANARY}.example", asked_at=EPOCH, expires_at=EPOCH,
    ))  # fmt: skip
    db.flush()


@pytest.fixture
def canary(clean: None) -> None:
    with transaction() as db:
        _filled(db)


def test_the_builder_fills_every_column(canary: None) -> None:
    with transaction() as db:
        assert [str(column) for column in _columns() if not _sings(db, column)] == []


def test_no_canary_is_left_after_an_erasure(canary: None, settings: Settings) -> None:
    with transaction() as db:
        erase(db, EMAIL, never_again=True, now=EPOCH)
    assert erasure_worker.work(settings, clock=lambda: EPOCH + erasure.WAIT) == 1
    with transaction() as db:
        left = {table.name for table in metadata.sorted_tables if _left(db, table)}
        assert left == STAYS
        assert db.scalar(select(func.count()).select_from(SignupRequest)) == 0
        assert db.scalar(select(Issue.audience)) == 1


def _left(db: Session, table: Table) -> bool:
    """Whether the canary is anywhere in a table, as text or as bytes in hexadecimal."""
    row = text(f'SELECT count(*) FROM "{table.name}" t WHERE t::text LIKE :a OR t::text LIKE :b')  # noqa: S608
    return bool(db.scalar(row, {"a": f"%{CANARY}%", "b": f"%{CANARY.encode().hex()}%"}))


def test_a_canary_that_stays_is_heard(canary: None) -> None:
    """The proof that the test above can fail: the ledger's row with what nothing erases."""
    with transaction() as db:
        erase(db, EMAIL, never_again=False, now=EPOCH)
        db.execute(update(Delivery).values(enhanced=CANARY))
        assert _left(db, metadata.tables["delivery"])
