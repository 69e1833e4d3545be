# ruff: noqa: E501 -- files as other services write them
"""Consents taken over from a file: every row is new, known, or refused with its line and a reason."""

import csv
import io
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from mailer.core import export_file
from mailer.core.db import transaction, utcnow
from mailer.core.export_file import ExportFormat
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings, settings
from mailer.imports import decide, export, file_format, lifecycle, pipeline
from mailer.imports.columns import NoMapping, Role, match
from mailer.imports.file_format import OnDisk, UnreadableFile
from mailer.imports.lifecycle import CannotUndo, Order
from mailer.imports.models import Import, ImportState
from mailer.imports.pipeline import Busy, Reader, Tally
from mailer.imports.rows import Terms
from mailer.newsletters.models import Newsletter
from mailer.subscribers import subscriptions, suppressions
from mailer.subscribers.consent import chain, verify
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.models import Subscriber, Subscription, Suppression, SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress
from tests.support.make import EPOCH, import_people, make_newsletter, make_pending, truncate
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("clean")
Refusals = list[tuple[int, str]]


@pytest.fixture
def newsletter_id(clean: None) -> UUID:
    with transaction() as db:
        return make_newsletter(db).id


class Intake:
    """Files imported into the newsletter, as the command does."""

    def __init__(self, settings: Settings, newsletter_id: UUID, folder: Path) -> None:
        self._settings, self._newsletter_id, self._folder = settings, newsletter_id, folder

    def order(
        self, body: str | bytes, *, encoding: str = "utf-8", preset: str | None = None, **terms: object
    ) -> Order:
        path = self._folder / "people.csv"
        path.write_bytes(body if isinstance(body, bytes) else body.encode(encoding))
        read = file_format.inspect(OnDisk(path))
        values = {"source": "registre papier", "locale": "fr", "zone": self._settings.zone, "now": EPOCH,
                  "consented_at": None, "legal_text": None} | terms  # fmt: skip
        columns = match(read.header, preset or ("sympa" if read.is_dump else None))
        return Order(self._newsletter_id, "terminal", OnDisk(path), read, columns, Terms(**values))  # type: ignore[arg-type]

    def check(self, body: str | bytes, **options: object) -> tuple[Tally, Refusals]:
        order = self.order(body, **options)  # type: ignore[arg-type]
        rows: list[tuple[int, str]] = []
        reader = Reader(order.source, order.form, lifecycle.rows(order, self._settings), order.newsletter_id)
        tally = pipeline.check(reader, rows.extend)
        return tally, [row for row in rows if row[1] not in {"new", "known"}]

    def run(self, body: str | bytes, **options: object) -> tuple[Import, Refusals]:
        order = self.order(body, **options)  # type: ignore[arg-type]
        with transaction() as db:
            job = lifecycle.begin(db, order)
        rows = lifecycle.rows(order, self._settings)
        pipeline.run(job, order.source, order.form, rows, clock=lambda: EPOCH)
        with transaction() as db:
            refused = [row for row in lifecycle.report(db, job.id) if row[1] not in {"new", "known"}]
        return job, refused


@pytest.fixture
def take(settings: Settings, newsletter_id: UUID, tmp_path: Path) -> Intake:
    return Intake(settings, newsletter_id, tmp_path)


def _counts(of: Import | Tally) -> tuple[int, int, int]:
    return of.new, of.known, of.refused


def _exported(newsletter_id: UUID, *, everybody: bool = False) -> str:
    file = io.BytesIO()
    with transaction() as db:
        table = export.subscribers(db, newsletter_id, everybody=everybody)
        export_file.write(table, file, ExportFormat.CSV, settings().zone)
    return file.getvalue().decode("utf-8-sig")


def _states() -> dict[str, str]:
    with transaction() as db:
        query = select(Subscriber.email, Subscription.state).join(
            Subscription, Subscription.subscriber_id == Subscriber.id
        )
        return {row.email: row.state.value for row in db.execute(query)}


@pytest.mark.parametrize(
    ("encoding", "delimiter", "told"),
    [
        ("utf-8", ",", "UTF-8"),
        ("utf-8-sig", ";", "UTF-8"),
        ("cp1252", ";", "Windows-1252"),
        ("utf-8", "\t", "UTF-8"),
    ],
)
def test_a_file_is_read_as_spreadsheets_write_it(
    take: Intake, encoding: str, delimiter: str, told: str
) -> None:
    lines = ["email,name,locale,consented_at", "zoe@example.org,Zoé Lefèvre,FR,2024-05-02", "", ""]
    body = "\r\n".join(lines).replace(",", delimiter)
    read = take.order(body, encoding=encoding).form
    assert (read.encoding_name, read.delimiter, read.records) == (told, delimiter, 1)
    job, _ = take.run(body, encoding=encoding)
    assert _counts(job) == (1, 0, 0)
    with transaction() as db:
        person, proof = db.scalars(select(Subscriber)).one(), db.scalars(select(ConsentPayload)).one()
    assert (person.email, person.name, person.locale) == ("zoe@example.org", "Zoé Lefèvre", "fr")
    assert (proof.kind, proof.source, proof.import_id) == (ConsentKind.IMPORTED, "registre papier", job.id)
    assert proof.consented_at == datetime(2024, 5, 1, 22, tzinfo=UTC)


def test_what_is_imported_is_evidence_like_any_other(take: Intake) -> None:
    take.run("email,consented_at,source\nann@example.org,2024-05-02,salon\nbob@example.org,2024-05-03,\n")
    with transaction() as db:
        found = verify.verify(db, now=EPOCH)
        assert {row.source for row in db.scalars(select(ConsentPayload))} == {"salon", "registre papier"}
        assert db.scalars(select(Subscription.informed_at)).all() == [None, None]
    assert found.whole
    assert (found.events, found.payloads, found.anchors) == (2, 2, 1)


def test_a_row_that_cannot_be_imported_is_named_by_its_line(take: Intake) -> None:
    body = (
        "consented_at,email,name,locale\n"
        "2024-05-02,ann@example.org,Ann,en\n"
        ",nodate@example.org,,\n"
        "2091-01-01,future@example.org,,\n"
        "hier,yesterday@example.org,,\n"
        "2024-05-02,not-an-address,,\n"
        "2024-05-02,german@example.org,,de\n"
        '2024-05-02,long@example.org,"two\nlines",,more\n'
        "31/12/2023 08:30,ANN@example.org,,\n"
    )
    refused = [(3, "no_date"), (4, "future"), (5, "bad_date"), (6, "address"), (7, "locale"), (9, "cells")]
    tally, told = take.check(body)
    assert (_counts(tally), told) == ((1, 1, 6), refused)
    assert _states() == {}
    job, told = take.run(body)
    assert (_counts(job), told, job.reasons) == ((1, 1, 6), refused, {reason: 1 for _, reason in refused})


def test_one_date_may_stand_for_the_rows_that_do_not_say(take: Intake) -> None:
    agreed = EPOCH - timedelta(days=400)
    job, _ = take.run("email\nann@example.org\n", consented_at=agreed)
    assert _counts(job) == (1, 0, 0)
    with transaction() as db:
        assert db.scalars(select(ConsentPayload.consented_at)).one() == agreed


def test_a_public_task_rests_on_a_text_and_needs_no_date(take: Intake) -> None:
    job, _ = take.run("email\nann@example.org\n", legal_text="arrêté du 1er juin 2026")
    assert _counts(job) == (1, 0, 0)
    with transaction() as db:
        proof = db.scalars(select(ConsentPayload)).one()
        assert (proof.legal_text, proof.consented_at) == ("arrêté du 1er juin 2026", None)
        assert verify.verify(db, now=EPOCH).whole


def _leave(email: str, now: datetime) -> None:
    with transaction() as db:
        mark = fingerprint_of(email)
        one = select(Subscription.id).join(Subscription.subscriber).where(Subscriber.fingerprint == mark)
        assert subscriptions.withdraw(db, db.scalars(one).one(), channel="link", now=now)


def test_an_import_never_goes_against_a_no(take: Intake) -> None:
    with transaction() as db:
        mark = fingerprint_of("gone@example.org")
        db.add(Suppression(fingerprint=mark, reason=SuppressionReason.OBJECTED, at=EPOCH))
    take.run("email,consented_at\nleft@example.org,2024-05-02\n")
    _leave("left@example.org", EPOCH - timedelta(days=3))
    body = "email,consented_at\ngone@example.org,2026-11-22\nleft@example.org,{}\n"
    assert take.run(body.format("2026-11-20"))[1] == [(2, "suppressed"), (3, "withdrawn")]
    assert take.run(body.format("2026-11-21"))[1] == [(2, "suppressed")]
    assert _states() == {"left@example.org": "active"}


def test_an_erased_person_is_not_resurrected_by_another_newsletter(
    take: Intake, settings: Settings, tmp_path: Path
) -> None:
    take.run("email,consented_at\nann@example.org,2024-05-02\n")
    with transaction() as db:
        subscription = db.scalars(select(Subscription)).one()
        person = db.get_one(Subscriber, subscription.subscriber_id)
        chain.append(db, subscriptions.payload_of(subscription, person, ConsentKind.ERASED, EPOCH, "link"))
        db.delete(subscription)
        db.flush()
        db.delete(person)
        other = make_newsletter(db, slug="autre")
    elsewhere = Intake(settings, other.id, tmp_path)
    assert elsewhere.run("email,consented_at\nann@example.org,2026-01-02\n")[1] == [(2, "withdrawn")]


def test_the_same_file_again_changes_nothing(take: Intake) -> None:
    body = "email,consented_at,status\nann@example.org,2024-05-02,\nbob@example.org,2024-05-02,unsubscribed\n"
    assert _counts(take.run(body)[0]) == (1, 0, 1)
    assert _counts(take.run(body)[0]) == (0, 1, 1)
    with transaction() as db:
        kinds = Counter(db.scalars(select(ConsentPayload.kind)))
    assert kinds == {ConsentKind.IMPORTED: 1, ConsentKind.WITHDRAWN: 1}


def test_an_opt_out_elsewhere_ends_what_is_older_here_and_not_what_is_newer(take: Intake) -> None:
    take.run("email,consented_at\nann@example.org,2024-05-02\nbob@example.org,2024-05-02\n")
    body = "email,status,opted_out_at\nann@example.org,unsubscribed,2025-01-01\nbob@example.org,unsubscribed,2023-01-01\n"
    assert take.run(body)[1] == [(2, "left"), (3, "outdated")]
    assert _states() == {"ann@example.org": "ended", "bob@example.org": "active"}
    assert take.run("email,consented_at\nann@example.org,2024-12-31\n")[1] == [(2, "withdrawn")]


def test_a_yes_and_a_no_of_one_person_are_taken_in_order(take: Intake) -> None:
    body = "email,consented_at,status,opted_out_at\nann@example.org,2024-05-02,,\nann@example.org,,unsubscribed,2025-01-01\n"
    job, refused = take.run(body)
    assert (_counts(job), refused) == ((1, 0, 1), [(3, "left")])
    assert _states() == {"ann@example.org": "ended"}


BREVO = """CONTACT ID;EMAIL;LASTNAME;FIRSTNAME;SMS;EMAIL_BLACKLISTED;SMS_BLACKLISTED;ADDED_TIME;MODIFIED_TIME
1;ann@example.org;Lefèvre;Ann;;No;Yes;12-04-2022 09:30;13-04-2022 10:00
2;bob@example.org;Petit;Bob;;Yes;No;12-04-2022;13-04-2022
"""
BREVO_API = """EMAIL;ADDED_TIME;MODIFIED_TIME;_SUBSCRIBED;_BLOCKLISTED
ann@example.org;12-04-2022;13-04-2022;[email_marketing];[sms_marketing]
bob@example.org;12-04-2022;13-04-2022;;[email_marketing]
"""
MAILCHIMP = (
    '"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,'
    "LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,{}LAST_CHANGED,LEID,EUID,NOTES,TAGS\n"
)
MAILCHIMP_IN = MAILCHIMP.format("") + (
    'ann@example.org,Ann,Lefèvre,2,"2018-06-12 07:53:28",1.2.3.4,"2018-06-12 08:00:00",1.2.3.4,,,,,,,,'
    '"2018-06-12 08:00:00",1,a,,\n'
    'cat@example.org,Cat,,2,"2018-06-12 07:53:28",1.2.3.4,,,,,,,,,,"2018-06-12 08:00:00",3,c,,\n'
)
MAILCHIMP_OUT = MAILCHIMP.format("UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON,") + (
    'bob@example.org,Bob,,2,,,"2018-06-12 07:53:28",,,,,,,,,"2019-01-02 03:04:05",Été,N/A,'
    '"2019-01-02 03:04:05",2,b,,\n'
)
MAILCHIMP_CLEANED = MAILCHIMP.format("CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,") + (
    'bob@example.org,Bob,,2,,,"2018-06-12 07:53:28",,,,,,,,,"2019-01-02 03:04:05",Été,"2019-01-02 03:04:05",2,b,,\n'
)
SYMPA = """date 1525219200
email ann@example.org
gecos Ann Lefèvre
reception mail
update_date 1525219200
visibility noconceal

date 1525219200
email bob@example.org
reception nomail

"""
LISTMONK = """uuid,email,name,attributes,status,created_at,updated_at
0b9a8f60-0000-4000-8000-000000000000,ann@example.org,Ann Lefèvre,{},enabled,2024-05-02 10:11:12.123456 +0000 UTC,2024-05-02 10:11:12.123456 +0000 UTC
0b9a8f60-0000-4000-8000-000000000001,bob@example.org,Bob,{},blocklisted,2024-05-02 10:11:12.1 +0000 UTC,2025-05-02 10:11:12.1 +0000 UTC
"""


@pytest.mark.parametrize(
    ("body", "preset", "agreed", "name", "reason"),
    [
        (BREVO, "brevo", datetime(2022, 4, 12, 7, 30, tzinfo=UTC), "Ann Lefèvre", "barred"),
        (BREVO_API, "brevo", datetime(2022, 4, 11, 22, tzinfo=UTC), None, "barred"),
        (SYMPA, "sympa", datetime(2018, 5, 2, tzinfo=UTC), "Ann Lefèvre", "left"),
        (LISTMONK, "listmonk", datetime(2024, 5, 2, 10, 11, 12, 123456, tzinfo=UTC), "Ann Lefèvre", "barred"),
    ],
)
def test_other_services_exports_are_recognised_opt_outs_included(  # noqa: PLR0917 -- what pytest hands over
    take: Intake, body: str, preset: str, agreed: datetime, name: str | None, reason: str
) -> None:
    assert take.order(body).columns.preset.name == preset
    job, refused = take.run(body)
    assert _counts(job) == (1, 0, 1)
    assert [outcome for _, outcome in refused] == [reason]
    with transaction() as db:
        person = db.scalars(select(Subscriber)).one()
        yes = select(ConsentPayload.consented_at).where(ConsentPayload.kind == ConsentKind.IMPORTED)
        assert (person.email, person.name, db.scalars(yes).one()) == ("ann@example.org", name, agreed)
        suppressed = db.scalars(select(Suppression.reason)).all()
    assert suppressed == ([SuppressionReason.UNSUBSCRIBED_ALL] if reason == "barred" else [])


def test_the_three_files_of_mailchimp(take: Intake) -> None:
    assert take.order(MAILCHIMP_IN).columns.preset.name == "mailchimp"
    assert _counts(take.run(MAILCHIMP_IN)[0]) == (2, 0, 0)
    with transaction() as db:
        dates = db.scalars(select(ConsentPayload.consented_at).order_by(ConsentPayload.consented_at)).all()
    assert dates == [datetime(2018, 6, 12, 7, 53, 28, tzinfo=UTC), datetime(2018, 6, 12, 8, tzinfo=UTC)]
    assert take.run(MAILCHIMP_OUT)[1] == [(2, "left")]
    assert take.run(MAILCHIMP_CLEANED)[1] == [(2, "barred")]
    with transaction() as db:
        assert db.scalars(select(Suppression.reason)).one() is SuppressionReason.HARD_BOUNCE


@pytest.mark.parametrize(
    "body",
    ["ann@example.org\tAnn\nbob@example.org\t\n", '# Exported subscribers with search filter "x"\nann@example.org\tAnn\nbob@example.org\t\n',
     "# Email\tName\tBounce score\nann@example.org\tAnn\t3\nbob@example.org\t\t\n"],
)  # fmt: skip
def test_the_member_lists_of_sympas_pages(take: Intake, body: str) -> None:
    job, _ = take.run(body, consented_at=EPOCH - timedelta(days=9))
    assert _counts(job) == (2, 0, 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"email\nann@example.org\n\0", "no_text"),
        (b"PK\x03\x04 no spreadsheet", "no_spreadsheet"),
        (b"email,name\nann@example.org,\x81\xe9\n", "encoding"),
        (b'email,name\nann@example.org,"never closed\n', "no_csv"),
    ],
)
def test_a_file_that_cannot_be_read_to_its_end_is_refused_whole(take: Intake, body: bytes, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said):
        take.order(body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "empty"),
        ("nom\nann\n", "no_email"),
        ("email,courriel\na@b.fr,x\n", "twice"),
    ],
)
def test_columns_that_cannot_be_told_apart_are_named(take: Intake, body: str, said: str) -> None:
    with pytest.raises(NoMapping, match=said):
        take.order(body)


def test_columns_may_be_named_outright() -> None:
    columns = match(["id", "adresse", "email"], given={Role.EMAIL: "Adresse"})
    assert columns.roles == (None, Role.EMAIL, None)
    with pytest.raises(NoMapping, match="missing"):
        match(["email"], given={Role.NAME: "nom"})


def test_columns_may_be_named_by_their_place_where_their_names_do_not_tell() -> None:
    assert match(["", "", "email"], given={Role.EMAIL: "#2"}).roles == (None, Role.EMAIL, None)
    for place in ("#0", "#4"):
        with pytest.raises(NoMapping, match="missing"):
            match(["a", "b", "c"], given={Role.EMAIL: place})
    with pytest.raises(NoMapping, match="twice"):
        match(["mail", "mail"], given={Role.EMAIL: "mail"})
    assert match(["mail", "mail"], given={Role.EMAIL: "#1"}).roles == (Role.EMAIL, None)


def test_an_import_cut_short_goes_on_where_it_was(take: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "CHUNK", 10)
    body = "email,consented_at\n" + "".join(f"p{n}@example.org,2024-05-02\n" for n in range(95))

    def stop(records: int) -> None:
        seen.append(records)
        if sum(seen) == 40:
            raise KeyboardInterrupt

    seen: list[int] = []
    order = take.order(body)
    with transaction() as db:
        job = lifecycle.begin(db, order)
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(
            job,
            order.source,
            order.form,
            lifecycle.rows(order, take._settings),
            clock=lambda: EPOCH,
            progress=stop,
        )
    with transaction() as db:
        assert db.get_one(Import, job.id).done == 40
        assert db.scalar(select(func.count()).select_from(Subscriber)) == 40
    again, refused = take.run(body)
    assert (again.id, _counts(again), refused) == (job.id, (95, 0, 0), [])
    with transaction() as db:
        assert db.get_one(Import, job.id).state is ImportState.DONE
        assert verify.verify(db, now=EPOCH).events == 95


def test_undoing_withdraws_only_whom_that_import_alone_allowed(take: Intake, newsletter_id: UUID) -> None:
    with transaction() as db:
        newsletter = db.get_one(Newsletter, newsletter_id)
        for email in ("own@example.org", "back@example.org"):
            pending = make_pending(db, newsletter, email=email, now=EPOCH - timedelta(days=9))
            if email.startswith("own"):
                subscriptions.confirm(db, pending.id, now=EPOCH)
    job, _ = take.run(
        "email,consented_at\nown@example.org,2024-05-02\nann@example.org,2024-05-02\nback@example.org,2024-05-02\n"
    )
    assert _counts(job) == (2, 1, 0)
    assert lifecycle.undo(job.id, clock=lambda: EPOCH) == 2
    assert _states() == {"own@example.org": "active", "ann@example.org": "ended", "back@example.org": "ended"}
    with pytest.raises(CannotUndo):
        lifecycle.undo(job.id, clock=lambda: EPOCH)
    corrected, _ = take.run("email,consented_at\nann@example.org,2024-05-03\n")
    assert _counts(corrected) == (1, 0, 0)
    with transaction() as db:
        assert verify.verify(db, now=EPOCH).whole


def test_an_export_runs_nothing_in_a_spreadsheet_and_reads_back(take: Intake, newsletter_id: UUID) -> None:
    take.run(
        'email,name,consented_at\n-cmd@example.org,"=HYPERLINK(""x"")",2024-05-02\n+tag@example.org,-2,2024-05-02\n'
    )
    written = _exported(newsletter_id)
    cells = [cell for line in written.splitlines()[1:] for cell in line.split(",")]
    assert [cell for cell in cells if cell.strip('"')[:1] in {"=", "+", "-", "@"}] == []
    assert _counts(take.run(written)[0]) == (0, 2, 0)


def test_an_export_leaves_out_whom_no_letter_goes_to(newsletter_id: UUID) -> None:
    """But not who is only resting, or still to be told of their import: they are subscribed."""
    people = [f"{name}@example.org" for name in ("ann", "bob", "cat", "dan")]
    with transaction() as db:
        import_people(db, db.get_one(Newsletter, newsletter_id), people)
        rests, restricted = (Subscriber.email == address for address in people[:2])
        db.execute(update(Subscriber).where(rests).values(paused_until=utcnow() + timedelta(days=1)))
        db.execute(update(Subscriber).where(restricted).values(restricted_at=EPOCH))
        suppressions.add(db, [SuppressedAddress(fingerprint_of(people[2]), SuppressionReason.MANUAL, EPOCH)])
    written, everybody = _exported(newsletter_id), _exported(newsletter_id, everybody=True)
    assert everybody.count("@") == 4
    assert {row["email"] for row in csv.DictReader(io.StringIO(written))} == {people[0], people[3]}


@pytest.mark.parametrize("total", [20_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_killed_at_sixty_per_cent_and_run_again(
    settings: Settings, newsletter_id: UUID, tmp_path: Path, total: int
) -> None:
    """One row in a hundred is bad, some are suppressed; the process is killed in mid-flight, then run again."""
    file = tmp_path / "many.csv"
    with file.open("w") as rows:
        rows.write("email,consented_at\n")
        rows.writelines(
            f"{'not an address' if n % 100 == 7 else f'p{n}@example.org'},2024-05-02\n" for n in range(total)
        )
    with transaction() as db:
        for n in range(0, 50, 10):
            mark = fingerprint_of(f"p{n}@example.org")
            db.add(Suppression(fingerprint=mark, reason=SuppressionReason.OBJECTED, at=EPOCH))
    command = [sys.executable, "-m", "mailer.cli", "subscribers", "import", str(file), "--newsletter", "lettre",
               "--source", "salon", "--json"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: _done() >= 0.6 * total)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with transaction() as db:
        assert db.scalars(select(Import.state)).one() is ImportState.RUNNING
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1  # rows were refused
    with transaction() as db:
        job = db.scalars(select(Import)).one()
        people = db.scalar(select(func.count()).select_from(Subscriber))
        events = verify.verify(db, now=utcnow())
        suppressed = db.scalar(select(func.count()).select_from(Suppression))
    bad = total // 100
    assert (job.done, job.new, job.known) == (total, total - bad - 5, 0)
    assert job.reasons == {"address": bad, "suppressed": 5}
    assert people == events.events == job.new
    assert suppressed == 5
    assert events.whole


def _done() -> int:
    """Return how many rows the import has come through."""
    with transaction() as db:
        return db.scalar(select(Import.done)) or 0


def test_whoever_has_done_its_work_keeps_nobody_waiting(clean: None) -> None:
    """Though the server still sees its connection open: it may take its time to notice a close."""
    with pipeline.apart() as first, pipeline.apart() as second:
        with pipeline.alone(first, 1), pytest.raises(Busy), pipeline.alone(second, 1, patience=0):
            pass
        with pipeline.alone(second, 1, patience=0):
            pass


def test_a_look_up_goes_through_indexes_though_the_tables_were_just_made(clean: None) -> None:
    """A plan that reads a table whole would do so for each of the rows, and an import would never end."""
    with transaction() as db:
        truncate(db.connection())
    values = {"marks": [bytes([n]) * 32 for n in range(200)], "newsletter": uuid4(), "moot": ["none"]}
    with pipeline.apart() as driver:
        plan = "\n".join(
            row[0] for row in driver.execute("EXPLAIN " + decide._FACTS, values, prepare=False).fetchall()
        )
    assert plan.count("Index") >= 5
    assert not [name for name in ("Seq Scan", "Bitmap", "Materialize", "Hash") if name in plan]
