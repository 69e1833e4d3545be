"""Erasure: whole or not at all, exact at the gate, and nothing but keyed evidence left behind."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mailer.core import appendonly, heartbeats
from mailer.core import settings as settings_module
from mailer.core.address import normalise
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.delivery import audience, claim, ledger
from mailer.delivery.models import Delivery
from mailer.imports import apply, redact
from mailer.imports.models import Import, ImportFile, ImportState
from mailer.imports.rows import person
from mailer.imports.uploads import Stored
from mailer.issues.models import Issue
from mailer.monitoring import alarms
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import access_links, register
from mailer.privacy.models import Outcome, Right, RightsLink, RightsRequest
from mailer.privacy.rights import erasure, erasure_worker, rectification
from mailer.privacy.rights.erasure_certificate import ErasureCertificate
from mailer.privacylog import decisions
from mailer.privacylog.decisions import NEVER_AGAIN, Decision, LogEntry
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import subscriptions, suppressions
from mailer.subscribers.consent import verify
from mailer.subscribers.consent.bulk import Common
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.eligibility import Withheld
from mailer.subscribers.models import Subscriber, Subscription, Suppression, SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress
from tests.support.commands import facts
from tests.support.make import (
    EPOCH,
    all_of,
    erase,
    import_people,
    make_newsletter,
    make_pending,
    make_readers,
    make_scheduled_issue,
    open_case,
    sign_up,
)
from tests.support.notices import send_due
from tests.support.sink import running_sink

ZOE = "zoe@example.org"
HOUR = timedelta(hours=1)


def _subscribed(db: Session, email: str = ZOE) -> Subscription:
    subscription = make_pending(db, make_newsletter(db), email=email, name="Zoé", now=EPOCH)
    subscriptions.confirm(db, subscription.id, now=EPOCH)
    return subscription


def _kinds(db: Session, email: str = ZOE) -> list[ConsentKind]:
    mine = ConsentPayload.fingerprint == fingerprint_of(email)
    return list(db.scalars(select(ConsentPayload.kind).where(mine).order_by(ConsentPayload.at)))


def _count(db: Session, table: type) -> int:
    return db.scalar(select(func.count()).select_from(table)) or 0


def _log() -> list[LogEntry]:
    return [line.entry for path in appendonly.files(decisions.folder()) for line, _ in decisions.read(path)]


def test_everything_goes_and_the_chain_says_when(db: Session) -> None:
    subscription = _subscribed(db)
    outbox.welcome(db, subscription.id, now=EPOCH)
    access_links.send(db, email=ZOE, locale="fr", now=EPOCH)
    done = erase(db, ZOE, never_again=False, now=EPOCH + HOUR)
    assert done.rows == {"notice": 2, "rights_link": 1, "subscription": 1, "subscriber": 1}
    assert (_count(db, Subscriber), _count(db, Subscription), _count(db, RightsLink)) == (0, 0, 0)
    assert _kinds(db)[-1] is ConsentKind.ERASED
    assert _count(db, Suppression) == 0
    assert verify.verify(db, now=EPOCH + HOUR).whole


def test_the_will_is_on_disk_with_the_commit(clean: None) -> None:
    with transaction() as db:
        _subscribed(db)
    with transaction() as db:
        erase(db, ZOE, never_again=True, now=EPOCH)
    fingerprint = fingerprint_of(ZOE)
    assert LogEntry(Decision.ERASURE, fingerprint, None, NEVER_AGAIN) in _log()


def test_never_again_is_asked_apart(db: Session) -> None:
    _subscribed(db)
    erase(db, ZOE, never_again=True, now=EPOCH)
    assert db.get_one(Suppression, fingerprint_of(ZOE)).reason is SuppressionReason.ERASED


@pytest.mark.parametrize("never_again", [True, False])
def test_a_complaint_stays_and_the_persons_will_replaces_a_bounce(db: Session, never_again: bool) -> None:
    for email, reason in (
        (ZOE, SuppressionReason.COMPLAINT), ("ada@example.org", SuppressionReason.HARD_BOUNCE),
    ):  # fmt: skip
        suppressions.add(db, [SuppressedAddress(fingerprint_of(email), reason, EPOCH)])
        erase(db, email, never_again=never_again, now=EPOCH)
    found = set(db.scalars(select(Suppression.reason)))
    second = SuppressionReason.ERASED if never_again else SuppressionReason.HARD_BOUNCE
    assert found == {SuppressionReason.COMPLAINT, second}


def test_erasing_twice_says_it_once(db: Session) -> None:
    _subscribed(db)
    erase(db, ZOE, never_again=False, now=EPOCH)
    before = _kinds(db)
    assert erase(db, ZOE, never_again=False, now=EPOCH + HOUR).rows == {"notice": 1}
    assert _kinds(db) == before


def test_an_import_brings_back_nobody_who_agreed_before(db: Session) -> None:
    subscription = _subscribed(db)
    erase(db, ZOE, never_again=False, now=EPOCH + HOUR)
    newsletter = make_newsletter(db, slug="autre")
    assert subscription.newsletter_id != newsletter.id
    assert import_people(db, newsletter, [ZOE], now=EPOCH + 2 * HOUR) == ["withdrawn"]


def test_a_failure_leaves_everything_as_it_was(clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as db:
        _subscribed(db)
        before = _kinds(db)
    decisions.folder().rename(decisions.folder().with_suffix(".away"))
    decisions.folder().write_text("in the way")
    try:
        with pytest.raises(decisions.LogUnwritable), transaction() as db:
            erase(db, ZOE, never_again=True, now=EPOCH)
    finally:
        decisions.folder().unlink()
        decisions.folder().with_suffix(".away").rename(decisions.folder())
    with transaction() as db:
        assert (_count(db, Subscriber), _count(db, RightsRequest)) == (1, 0)
        assert _kinds(db) == before
        assert erase(db, ZOE, never_again=True, now=EPOCH).rows["subscriber"] == 1


def test_in_mid_send_the_gate_knows_and_the_ledger_adds_up(clean: None) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        readers = make_readers(db, newsletter, 4)
        issue = make_scheduled_issue(db, newsletter)
        audience.freeze(db, issue.id, now=utcnow())
        heartbeats.beat(db, worker := uuid4(), "sender")
    with transaction() as db:
        taken = claim.claim(db, worker, all_of(issue.id, 2), limit=2, now=utcnow()).rows
    waiting = next(reader for reader in readers if reader not in {row.address for row in taken})
    for email in (taken[0].address, waiting):
        with transaction() as db:
            erase(db, email, never_again=False, now=utcnow())
    with transaction() as db:
        ledger.record(db, worker, [_accepted(row) for row in taken], now=utcnow())
        rest = claim.claim(db, worker, all_of(issue.id, 9), limit=9, now=utcnow())
        assert [row.address in readers and row.address != waiting for row in rest.rows] == [True]
    with transaction() as db:
        states = db.execute(select(Delivery.state, Delivery.withheld, Delivery.subscriber_id)).all()
        assert sorted(str(state) for state, _, _ in states) == ["accepted", "accepted", "handed", "withheld"]
        assert [why for state, why, _ in states if state is DeliveryState.WITHHELD] == [Withheld.ERASED]
        assert sum(of is None for _, _, of in states) == 2
        assert len(states) == db.get_one(Issue, issue.id).audience


def _accepted(row: claim.Claimed) -> ledger.Outcome:
    return ledger.Outcome(
        row.issue_id, row.position, row.fence, DeliveryState.ACCEPTED, utcnow(), 1, 0, 250, "2.0.0", "ok"
    )


def test_what_a_relay_said_of_a_mailbox_goes_with_its_owner(clean: None) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        (reader,) = make_readers(db, newsletter, 1)
        issue = make_scheduled_issue(db, newsletter)
        audience.freeze(db, issue.id, now=utcnow())
        refused = {"state": "refused", "code": 550, "reply": "no reader0 here"}
        consent_id = db.scalar(select(Subscription.consent_id))
        db.execute(update(Delivery).values(**refused, consent_id=consent_id))
    with transaction() as db:
        erase(db, reader, never_again=False, now=utcnow())
        assert db.execute(select(Delivery.state, Delivery.code, Delivery.reply)).one() == (
            "refused",
            550,
            None,
        )


def test_the_certificate_says_what_stays_and_leaves_before_the_address_does(
    clean: None, settings: Settings
) -> None:
    with transaction() as db:
        _subscribed(db)
        erase(db, ZOE, never_again=True, now=utcnow())
    assert erasure_worker.work(settings, clock=utcnow) == 0
    with running_sink() as sink:
        send_due(settings.model_copy(update={"relay_url": sink.url}))
        (copy,) = sink.mails()
    (text, *_) = (part.get_content() for part in copy.walk() if part.get_content_type() == "text/plain")
    assert "forme pseudonymisée" in " ".join(text.split())
    assert erasure_worker.work(settings, clock=utcnow) == 1
    with transaction() as db:
        case = db.scalars(select(RightsRequest)).one()
        assert (case.email, case.name, case.outcome) == (None, None, Outcome.GRANTED)
        assert case.fingerprint == fingerprint_of(ZOE)
        assert _count(db, Notice) == 0


def test_an_hour_is_the_most_that_a_certificate_is_waited_for(clean: None, settings: Settings) -> None:
    with transaction() as db:
        _subscribed(db)
        erase(db, ZOE, never_again=False, now=EPOCH)
    assert erasure_worker.work(settings, clock=lambda: EPOCH + HOUR - timedelta(seconds=1)) == 0
    assert erasure_worker.work(settings, clock=lambda: EPOCH + HOUR) == 1
    with transaction() as db:
        assert (_count(db, Notice), db.scalars(select(RightsRequest.email)).one()) == (0, None)


def test_closed_cases_lose_their_words_and_open_ones_keep_what_their_answer_needs(db: Session) -> None:
    refused, awaited = (
        open_case(db, now=EPOCH, name="Zoé"),
        open_case(db, now=EPOCH, right=Right.RECTIFICATION),
    )
    register.refuse(db, refused, "Zoé is unknown to us", by="terminal", now=EPOCH)
    done = erase(db, ZOE, never_again=False, now=EPOCH)
    db.expire_all()
    assert done.pending == [awaited.number]
    assert (refused.email, refused.name, refused.refusal_reason) == (None, None, "—")
    assert all("words" not in step.details for step in register.history(db, refused))
    assert awaited.email == ZOE


def test_by_fingerprint_as_a_replay_does(db: Session) -> None:
    _subscribed(db)
    fingerprint = fingerprint_of(ZOE)
    rows = erasure.erase_fingerprint(db, fingerprint, never_again=True, now=EPOCH)
    assert rows == {"subscription": 1, "subscriber": 1}
    assert db.get_one(Suppression, fingerprint).reason is SuppressionReason.ERASED
    assert (_count(db, RightsRequest), _count(db, Notice)) == (0, 0)


def test_by_fingerprint_a_bare_address_is_found_too(db: Session) -> None:
    outbox.post(db, NoticeKind.NOTHING_HELD, email=ZOE, locale="fr", facts={}, now=EPOCH)
    outbox.post(db, NoticeKind.NOTHING_HELD, email="ada@example.org", locale="fr", facts={}, now=EPOCH)
    assert erasure.erase_fingerprint(db, fingerprint_of(ZOE), never_again=False, now=EPOCH) == {"notice": 1}
    assert db.scalars(select(Notice.email)).one() == "ada@example.org"


def test_two_at_once_end_well(clean: None) -> None:
    """The second waits for the first, or is told to try again: it never does half."""
    with transaction() as db:
        _subscribed(db)
    with transaction() as first:
        erase(first, ZOE, never_again=False, now=EPOCH)
        with pytest.raises(OperationalError):
            _impatient()
    with transaction() as db:
        assert _count(db, RightsRequest) == 1


def _impatient() -> None:
    with transaction() as db:
        db.connection().exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
        erase(db, ZOE, never_again=False, now=EPOCH)


SPELLINGS = ["zoé+t@exämple.fr", "ZOÉ+T@EXÄMPLE.FR", "zoe\u0301+t@exämple.fr", "zoé+t@xn--exmple-cua.fr"]


@pytest.mark.parametrize(
    ("spelling", "encoding"),
    [
        *((each, "utf-8") for each in SPELLINGS),
        *((each, "cp1252") for each in SPELLINGS if "\u0301" not in each),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r"])
def test_a_waiting_file_loses_the_row_and_keeps_its_shape(
    db: Session, spelling: str, encoding: str, line_end: str
) -> None:
    text = f"email;name\nada@example.org;Ada\n{spelling};Zoé\nxzoé+t@exämple.fr;X\n"
    body = text.replace("\n", line_end).encode(encoding)
    waiting = _waiting(db, body)
    assert redact.blank(db, normalise("Zoé+t@exämple.fr")) == 1
    db.flush()
    after = b"".join(db.scalars(select(ImportFile.body).order_by(ImportFile.number)))
    assert len(after) == len(body)
    assert after.splitlines()[:2] == body.splitlines()[:2]
    assert after.splitlines()[3] == body.splitlines()[3]
    assert set(after.splitlines()[2]) <= set(b"x@;")
    assert waiting.name == "people.csv"


def _waiting(db: Session, body: bytes) -> Stored:
    newsletter = make_newsletter(db)
    job = Import(
        newsletter_id=newsletter.id, state=ImportState.CHECKED, by="terminal", file_name="people.csv",
        file_fingerprint=b"", records=3, preset="csv", columns={}, source="fair", locale="fr",
        created_at=EPOCH,
    )  # fmt: skip
    db.add(job)
    db.flush()
    for number, at in enumerate(range(0, len(body), 16)):  # cut anywhere
        db.add(ImportFile(import_id=job.id, number=number, body=body[at : at + 16]))
    db.flush()
    return Stored(job.file_name, job.id)


def test_the_end_of_a_case_without_an_address_takes_nobodys_mails(db: Session) -> None:
    decided = sign_up(db, make_newsletter(db), "yan@example.org", now=EPOCH)
    assert decided
    outbox.answer_signup(db, decided, now=EPOCH)
    case = open_case(db, now=EPOCH, email=None, name="Zoé Martin", right=Right.ERASURE)
    erase(db, ZOE, never_again=False, now=EPOCH, case=case)
    db.execute(delete(Notice).where(Notice.email == ZOE))
    case.email = None
    assert erasure.finish(db, case.id, now=EPOCH)
    assert db.scalar(select(func.count()).select_from(Notice)) == 1


def test_a_new_address_that_nobody_confirmed_is_given_up(db: Session) -> None:
    subscription = _subscribed(db)
    link = db.get_one(RightsLink, access_links.send(db, email=ZOE, locale="fr", now=EPOCH))
    subscriber = db.get_one(Subscriber, subscription.subscriber_id)
    rectification.ask(db, link, subscriber, "zoe.new@example.org", now=EPOCH)
    done = erase(db, ZOE, never_again=False, now=EPOCH)
    case = db.scalars(select(RightsRequest).where(RightsRequest.right == Right.RECTIFICATION)).one()
    assert (case.outcome, case.email, done.pending) == (Outcome.WITHDRAWN, None, [])
    assert db.scalars(select(Notice.email)).all() == [ZOE]  # the certificate's


def test_the_file_of_one_row_loses_its_name_and_no_other_file_does(db: Session) -> None:
    """Whether it was taken over, or still waits; in other names, the address alone goes."""
    newsletter = make_newsletter(db)
    names = ("Zoé Martin.csv", "zoe.csv", "de zoe@example.org.csv", "de Zoe@Example.org-2.csv", "tous.csv")
    for name, records in zip(names, (1, 1, 2, 9, 9), strict=True):
        db.add(_imported(newsletter.id, name, records))
    db.flush()
    first, second = db.scalars(select(Import).where(Import.records == 1)).all()
    common = Common(newsletter.id, EPOCH, "import", first.id)
    key = settings_module.settings().fingerprint_key.get_secret_value().encode()
    people = [person(ZOE, name=None, locale="fr", source="test", said_at=EPOCH - HOUR, key=key)]
    apply.import_people(db, common, people, informed_at=EPOCH)
    db.add(ImportFile(import_id=second.id, number=0, body=f"email\n{ZOE}\n".encode()))
    db.flush()
    done = erase(db, ZOE, never_again=False, now=EPOCH)
    assert (done.rows["subscriber_import"], done.rows["import_file"]) == (4, 1)
    left = db.execute(select(Import.file_name, Import.records).order_by(Import.records)).all()
    assert {tuple(row) for row in left} == {("—", 1), ("de —.csv", 2), ("de —-2.csv", 9), ("tous.csv", 9)}


def _imported(newsletter_id: UUID, name: str, records: int) -> Import:
    return Import(
        newsletter_id=newsletter_id, state=ImportState.DONE, by="terminal", file_name=name,
        file_fingerprint=b"", records=records, preset="csv", columns={}, source="fair", locale="fr",
        created_at=EPOCH,
    )  # fmt: skip


def test_the_hash_of_a_file_tells_nothing_without_the_key(clean: None, tmp_path: Path) -> None:
    """The SHA-256 of a file of one row is guessed by whoever knows the address."""
    with transaction() as db:
        make_newsletter(db)
    file = tmp_path / "one.csv"
    file.write_bytes(f"email;consented_at\n{ZOE};2025-01-01\n".encode())
    facts("subscribers", "import", str(file), "--newsletter", "lettre", "--source", "fair")
    with transaction() as db:
        assert db.scalars(select(Import.file_fingerprint)).one() not in {
            b"", hashlib.sha256(file.read_bytes()).digest()
        }  # fmt: skip


QUOTES = [
    f"Écrivez à {ZOE}, s’il vous plaît.",
    "<mailto:ZOE@Example.org>",
    "zoe@EXAMPLE.org.",
    "‘zoe@example.org’",
    f"De : Zoé <{ZOE}>",
]


@pytest.mark.parametrize("words", QUOTES)
def test_what_others_wrote_of_somebody_in_their_open_cases_loses_the_address(db: Session, words: str) -> None:
    _subscribed(db)
    others = open_case(db, now=EPOCH, email="ada@example.org", text=words, name=f"pour {ZOE}")
    register.write(db, others, words, by="terminal", now=EPOCH)
    by_post = open_case(db, now=EPOCH, email=None, name="Ada", text=words)
    done = erase(db, ZOE, never_again=False, now=EPOCH)
    db.expire_all()
    said = [step.details for case in (others, by_post) for step in register.history(db, case)]
    mails = db.scalars(select(Notice.facts).where(Notice.email == "ada@example.org")).all()
    assert "zoe@example.org" not in str([*said, *mails, others.name]).lower()
    assert (others.email, others.name) == ("ada@example.org", "pour —")
    assert [step["text"] for step in said if "text" in step] == [said[0]["text"]] * 2
    assert "—" in said[0]["text"]
    assert done.rows["rights_event"] == 3
    assert done.rows["rights_request"] == 1


@pytest.mark.parametrize("words", ["anne.zoe@example.org", "zoe@example.org.fr", "zoe+a@example.org"])
def test_the_addresses_of_others_stay(db: Session, words: str) -> None:
    _subscribed(db)
    others = open_case(db, now=EPOCH, email="ada@example.org", text=f"Et {words} ?")
    erase(db, ZOE, never_again=False, now=EPOCH)
    db.expire_all()
    assert register.history(db, others)[0].details["text"] == f"Et {words} ?"


@pytest.fixture
def broken(clean: None) -> Iterator[Callable[[], None]]:
    """A database that refuses to let anybody go, until it is mended."""

    def mend() -> None:
        with transaction() as db:
            db.execute(text("DROP TRIGGER IF EXISTS broken ON subscriber"))
            db.execute(text("DROP FUNCTION IF EXISTS broken"))

    with transaction() as db:
        _subscribed(db)
        db.execute(text(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$"
        ))  # fmt: skip
        db.execute(text(
            "CREATE TRIGGER broken BEFORE DELETE ON subscriber FOR EACH ROW EXECUTE FUNCTION broken()"
        ))  # fmt: skip
    yield mend
    mend()


def test_an_erasure_that_fails_is_noted_calls_a_person_and_is_tried_again(
    broken: Callable[[], None],
) -> None:
    with transaction() as db:
        case = erasure.ask(db, ZOE, never_again=True, now=utcnow())
    assert erasure_worker.attempt(case.id, clock=utcnow) is None
    with transaction() as db:
        assert db.scalars(select(Subscriber.email)).all() == [ZOE]  # nothing by halves
        assert db.scalar(select(Suppression.reason)) is None
        assert erasure.ask(db, ZOE, never_again=True, now=utcnow()).id == case.id
        [found] = [each for each in alarms.find(db, now=utcnow()) if each.kind == "erasure"]
        assert "1" in found.sentence("fr")
    assert erasure_worker.retry(clock=utcnow) == 0
    broken()
    assert erasure_worker.retry(clock=utcnow) == 1
    assert erasure_worker.retry(clock=utcnow) == 0
    with transaction() as db:
        assert db.scalars(select(Subscriber.email)).all() == []
        assert db.scalar(select(Suppression.reason)) is SuppressionReason.ERASED
        assert [each for each in alarms.find(db, now=utcnow()) if each.kind == "erasure"] == []
        steps = [step.what for step in register.history(db, db.get_one(RightsRequest, case.id))]
        assert steps.count("not erased") == steps.count("erased") == 1
        assert db.scalars(select(Notice.kind)).all() == [NoticeKind.ERASED]


def test_a_wish_cut_short_before_it_was_granted_is_granted(clean: None) -> None:
    """The process may die between the two transactions; a case opened otherwise asks for a person first."""
    with transaction() as db:
        _subscribed(db)
        open_case(db, right=Right.ERASURE, email=ZOE, now=utcnow())
        assert erasure.undone(db, now=utcnow()) == []
        erasure.ask(db, ZOE, never_again=False, now=utcnow())
    [case_id] = _undone()
    assert erasure_worker.retry(clock=utcnow) == 1
    done = erasure_worker.attempt(case_id, clock=utcnow)  # by the door, which comes late
    assert isinstance(done, ErasureCertificate)
    assert done.rows["subscriber"] == 1
    with transaction() as db:
        assert db.scalars(select(Subscriber.email)).all() == []
        assert db.scalars(select(Notice.kind)).all().count(NoticeKind.ERASED) == 1


def _undone() -> list[UUID]:
    with transaction() as db:
        return erasure.undone(db, now=utcnow())
