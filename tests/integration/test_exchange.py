"""Consents taken over from a file: every row is new, known, or refused with its line and a reason."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.people import consent, exchange
from mailer.people.exchange import Form, Refusal, Report, Terms, UnreadableFile
from mailer.people.models import ConsentPayload, Subscriber, Subscription, Suppression, SuppressionReason
from tests.make import EPOCH, make_newsletter

PARIS = ZoneInfo("Europe/Paris")
AGREED = EPOCH - timedelta(days=400)


@pytest.fixture
def terms(db: Session) -> Terms:
    return Terms(make_newsletter(db).id, "registre papier", "fr", PARIS, None, EPOCH)


def _file(folder: Path, body: str, encoding: str = "utf-8") -> Path:
    path = folder / "people.csv"
    path.write_bytes(body.encode(encoding))
    return path


def _import(db: Session, path: Path, terms: Terms) -> Report:
    return exchange.import_csv(db, path, exchange.inspect(path), terms)


@pytest.mark.parametrize(
    ("encoding", "delimiter", "told"),
    [
        ("utf-8", ",", "utf-8-sig"),
        ("utf-8-sig", ";", "utf-8-sig"),
        ("cp1252", ";", "cp1252"),
    ],
)
def test_a_file_is_read_as_spreadsheets_write_it(  # noqa: PLR0917 -- what pytest hands over
    db: Session, terms: Terms, tmp_path: Path, encoding: str, delimiter: str, told: str
) -> None:
    lines = ["email,name,locale,consented_at", "zoe@example.org,Zoé Lefèvre,FR,2024-05-02", "", ""]
    path = _file(tmp_path, "\r\n".join(lines).replace(",", delimiter), encoding)
    assert exchange.inspect(path) == Form(told, delimiter, 3)
    assert _import(db, path, terms) == Report(read=1, new=1)
    person = db.scalars(select(Subscriber)).one()
    assert (person.email, person.name, person.locale) == ("zoe@example.org", "Zoé Lefèvre", "fr")
    proof = db.scalars(select(ConsentPayload)).one()
    assert proof.source == "registre papier"
    assert proof.consented_at == datetime(2024, 5, 1, 22, tzinfo=UTC)


def test_a_row_that_cannot_be_imported_is_named_by_its_line_and_no_address_is_quoted(
    db: Session, terms: Terms, tmp_path: Path
) -> None:
    path = _file(
        tmp_path,
        "consented_at,email,name,locale\n"
        "2024-05-02,ann@example.org,Ann,en\n"
        ",nodate@example.org,,\n"
        "2091-01-01,future@example.org,,\n"
        "hier,yesterday@example.org,,\n"
        "2024-05-02,not-an-address,,\n"
        "2024-05-02,german@example.org,,de\n"
        '2024-05-02,long@example.org,"two\nlines",,more\n'
        "31/12/2023 08:30,ANN@example.org,,\n",
    )
    report = _import(db, path, terms)
    assert (report.read, report.new, report.known) == (8, 1, 1)
    assert [each.line for each in report.refused] == [3, 4, 5, 6, 7, 9]
    reasons = " ".join(each.reason for each in report.refused)
    assert "@" not in reasons
    assert "no consent date" in report.refused[0].reason


def test_one_date_may_stand_for_the_rows_that_do_not_say(db: Session, terms: Terms, tmp_path: Path) -> None:
    dated = Terms(terms.newsletter_id, "salon", "fr", PARIS, AGREED, EPOCH)
    assert _import(db, _file(tmp_path, "email\nann@example.org\n"), dated) == Report(read=1, new=1)
    assert db.scalars(select(ConsentPayload.consented_at)).one() == AGREED


def test_an_import_never_goes_against_a_no(db: Session, terms: Terms, tmp_path: Path) -> None:
    mark = consent.fingerprint("gone@example.org")
    db.add(Suppression(fingerprint=mark, reason=SuppressionReason.OBJECTED, at=EPOCH))
    path = _file(tmp_path, "email,consented_at\nleft@example.org,2024-05-02\n")
    assert _import(db, path, terms).new == 1
    consent.withdraw(db, db.scalars(select(Subscription.id)).one(), channel="link", now=EPOCH)
    path = _file(tmp_path, "email,consented_at\ngone@example.org,2024-05-02\nleft@example.org,2024-05-02\n")
    assert _import(db, path, terms).refused == [
        Refusal(2, "this person is on the suppression list: only they can lift it, by signing up"),
        Refusal(3, "this person unsubscribed after that consent"),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no email column"),
        (b"courriel\nann@example.org\n", "no email column"),
        (b"email,birthday\nann@example.org,2000-01-01\n", "birthday"),
        (b"email,email\nann@example.org,x\n", "twice"),
        ("email\nann@example.org\n".encode("utf-16"), "not a text file"),
        (b"email,name\nann@example.org,\x81\xe9\n", "neither UTF-8 nor Windows-1252"),
        (b'email,name\nann@example.org,"never closed\n', "line"),
    ],
)
def test_a_file_that_is_no_list_of_subscribers_is_refused_whole(
    db: Session, terms: Terms, tmp_path: Path, body: bytes, said: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(body)
    with pytest.raises(UnreadableFile, match=said), db.begin_nested():
        _import(db, path, terms)
    assert db.scalar(select(func.count()).select_from(Subscriber)) == 0


def test_a_character_cut_between_two_reads_is_still_one_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_CHUNK", 7)
    assert exchange.inspect(_file(tmp_path, "email\néééééééééééé\n")).encoding == "utf-8-sig"


def test_progress_adds_up_to_the_lines_of_the_file(db: Session, terms: Terms, tmp_path: Path) -> None:
    path = _file(tmp_path, "email,consented_at\n" + "ann@example.org,2024-05-02\n" * 5)
    told: list[int] = []
    form = exchange.inspect(path)
    exchange.import_csv(db, path, form, terms, progress=told.append)
    assert sum(told) == form.lines == 6
