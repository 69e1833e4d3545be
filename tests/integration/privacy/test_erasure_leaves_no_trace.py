"""Somebody lives a whole life here under three addresses, is erased, and is then looked for in every file.

On servers of its own: their files, logs and dumps hold nothing but this life.
"""

import hashlib
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
import redis
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailer.backup import postgres
from mailer.backup.migrate import upgrade
from mailer.cli import cli
from mailer.core import embedded, logging
from mailer.core import settings as settings_module
from mailer.core.address import normalise
from mailer.core.db import engine, transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.delivery import audience, load_issue
from mailer.delivery.models import Delivery
from mailer.imports import worker as importing
from mailer.imports.models import Import, ImportFile, ImportState
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.privacy.cases import access_links, register
from mailer.privacy.models import AddressChange, RightsLink
from mailer.privacy.rights import erasure_worker, rectification
from mailer.smtp.relay import Relay
from mailer.subscribers import signup, subscriptions
from mailer.subscribers.consent.models import Wording
from mailer.subscribers.models import Subscriber, Subscription
from mailer.web.app import create_app
from tests.integration.web.test_desk_imports import agree
from tests.integration.web.test_public import shown_long_ago
from tests.support.desk_client import FRENCH, log_in, token
from tests.support.desk_rows import make_staff
from tests.support.make import EPOCH, erase, make_newsletter, make_scheduled_issue, make_sender, send_letter
from tests.support.moves import let_undo_lapse
from tests.support.notices import send_due
from tests.support.sink import Sink, running_sink
from tests.support.traces import disguises, hunt, plant

RAW = "Zoé+t@exämple.fr"
KEPT = normalise(RAW)
SECOND, THIRD = "zoé.bravo@xn--exmple-cua.org", "zoé.charlie@xn--exmple-cua.net"
ALL = RAW, "Zoé.Bravo@exämple.org", "Zoé.Charlie@exämple.net"
ROW = f"email;name;consented_at\n{RAW};Zoé;2024-05-02\n".encode()  # of the file that holds them alone
FORMS = {
    **{f"{raw}: {name}": form for raw in ALL for name, form in disguises(raw).items()},
    "the hash of their file": hashlib.sha256(ROW).digest(),
    "the hash of their file, hex": hashlib.sha256(ROW).hexdigest().encode(),
}


@pytest.fixture
def alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Path]:
    """A folder with servers of its own, where temporary files go too."""
    logging.configure()
    folder = Path(tempfile.mkdtemp(prefix="mailer-ghosts-"))
    (folder / "tmp").mkdir()
    monkeypatch.setattr(embedded, "_children", [])  # those of the other tests' servers go on
    servers = embedded.provide(folder)
    engine().dispose()
    engine.cache_clear()
    for name, value in {
        "MAILER_DATABASE_URL": servers.database_url, "MAILER_REDIS_URL": servers.redis_url,
        "MAILER_DATA_DIR": str(folder), "TMPDIR": str(folder / "tmp"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)
    settings_module.settings.cache_clear()
    upgrade(engine())
    try:
        yield folder
    finally:
        engine().dispose()
        engine.cache_clear()
        embedded.release(folder)
        monkeypatch.undo()
        settings_module.settings.cache_clear()
        shutil.rmtree(folder, ignore_errors=True)
        with capfd.disabled():
            logging.configure()


@pytest.mark.parametrize("name", FORMS)
def test_each_disguise_is_seen_through(tmp_path: Path, name: str) -> None:
    plant(tmp_path, {name: FORMS[name]})
    assert {each for names in hunt([tmp_path], FORMS).values() for each in names} >= {name, f"{name}, gzip"}


def test_the_hunt_finds_the_living(alone: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The proof that an empty result means something: before the erasure, of each address, in each place."""
    with running_sink() as sink:
        _live(alone, create_app(), sink)
    with transaction() as db:
        db.add(Wording(sha256=b"planted", version="x", locale="fr", text=f"planted {KEPT}"))
    found = hunt(_places(alone, capfd), FORMS)
    places = {Path(path).relative_to(alone).parts[0] for path in found}
    assert {"postgres", "database.sql", "export.csv", "access"} <= places
    names = {name.partition(":")[0] for each in found.values() for name in each}
    assert names >= set(ALL)
    redis.Redis.from_url(os.environ["MAILER_REDIS_URL"]).set("planted", KEPT)
    assert str(alone / "dump.rdb") in hunt(_places(alone, capfd), FORMS)


def test_only_the_keyed_fingerprint_is_left(alone: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running_sink() as sink:
        _live(alone, create_app(), sink)
        with transaction() as db:
            erase(db, THIRD, never_again=True, now=utcnow())
        assert erasure_worker.work(_settings(sink), clock=utcnow) == 0
        send_due(_settings(sink))
        assert erasure_worker.work(_settings(sink), clock=utcnow) == 1
    for handed_out in (alone / "export.csv", alone / "access"):  # whoever asked for them deletes them
        shutil.rmtree(handed_out) if handed_out.is_dir() else handed_out.unlink()
    haunted = hunt(_places(alone, capfd), FORMS)
    assert {Path(path).relative_to(alone).parts[0] for path in haunted} == {"postgres"}
    result = CliRunner().invoke(cli, ["retention", "scrub"])
    assert result.exit_code == 0, result.output
    places = _places(alone, capfd)
    assert hunt(places, FORMS) == {}
    for email in (KEPT, SECOND, THIRD):
        fingerprint = {"fingerprint": fingerprint_of(email).hex().encode()}
        kept = {Path(path).relative_to(alone).parts[0] for path in hunt(places, fingerprint)}
        assert {"database.sql", "privacylog"} <= kept


def _settings(sink: Sink) -> Settings:
    return settings_module.settings().model_copy(update={"relay_url": sink.url})


def _places(folder: Path, capfd: pytest.CaptureFixture[str]) -> list[Path]:
    """Everything there is, once the servers have written what they hold, and our own output beside it."""
    words, environment = postgres.command("pg_dump", "--format=plain")
    with (folder / "database.sql").open("wb") as dump:
        subprocess.run(words, env=environment, stdout=dump, check=True)
    server = redis.Redis.from_url(os.environ["MAILER_REDIS_URL"])
    server.config_set("rdbcompression", "no")
    server.save()
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))
    said = capfd.readouterr()
    (folder / "output.log").write_text(said.out + said.err)
    return [folder]


def _live(folder: Path, app: Flask, sink: Sink) -> None:
    """Sign up, confirm, receive, be refused, move twice, be imported and talked about, be exported, wait."""
    with transaction() as db:
        newsletter, other = make_newsletter(db), make_newsletter(db, slug="autre", name="L’autre")
        make_staff(db)
    _join(app, newsletter, sink)
    _receive(newsletter, sink)
    sink.refusals[KEPT] = f"550 5.1.1 <{KEPT}> {KEPT} unknown"
    _receive(newsletter, sink)
    sink.refusals.clear()
    _be_worked_on(app, other)
    for old, new in ((KEPT, SECOND), (SECOND, THIRD)):
        _move(old, new)
        let_undo_lapse()
    send_due(_settings(sink))
    for words in (
        ["subscribers", "export", "--newsletter", newsletter.slug, "--out", str(folder / "export.csv")],
        ["rights", "access", THIRD, "--out", str(folder / "access")],
        ["rights", "access", RAW, "--out", str(folder / "access")],
    ):
        result = CliRunner().invoke(cli, words)
        assert result.exit_code == 0, result.output
    with transaction() as db:
        _wait_in_a_file(db, newsletter)
        access_links.request(db, email=THIRD, locale="fr", now=utcnow())


def _be_worked_on(app: Flask, newsletter: Newsletter) -> None:
    """Staff import a file of one row, named after them, and note somebody else's request that quotes them."""
    client = app.test_client()
    assert log_in(client).status_code == 303
    sent = client.post("/desk/people", headers=FRENCH, data={
        "newsletter": newsletter.slug, "source": "salon", "consented_at": "", "preset": "",
        "csrf_token": token(client, "/desk/people"), "file": (io.BytesIO(ROW), f"{RAW}.csv"),
    })  # fmt: skip
    agreed = agree(client, sent.location)
    _import()
    csrf = {"csrf_token": token(client, "/desk/people")}
    assert client.post(f"{agreed.location}/run", data=csrf, headers=FRENCH).status_code == 303
    _import()
    csrf = {"csrf_token": token(client, "/desk/rights/new")}
    noted = client.post("/desk/rights/new", headers=FRENCH, data=csrf | {
        "right": "access", "channel": "phone", "received": register.today(utcnow()).isoformat(),
        "email": "ada@example.org", "name": "Ada", "locale": "fr",
        "text": f"Que savez-vous de {RAW}, d’{ALL[1]} et de <{ALL[2].upper()}> ?",
    })  # fmt: skip
    for page in ("/desk/people", agreed.location, "/desk/rights", noted.location):
        assert client.get(page, headers=FRENCH).status_code == 200


def _import() -> None:
    while importing.work(settings_module.settings(), clock=utcnow):
        pass


def _join(app: Flask, newsletter: Newsletter, sink: Sink) -> None:
    form = {"email": RAW, "name": "Zoé", "consent": "yes", "shown": shown_long_ago()}
    assert app.test_client().post(f"/{newsletter.slug}/", data=form).status_code == 303
    with transaction() as db:
        asked = signup.next_due(db, now=utcnow())
        assert asked
        decided = signup.decide(db, asked, now=utcnow())
        assert decided
        outbox.answer_signup(db, decided, now=utcnow())
    send_due(_settings(sink))
    with transaction() as db:
        of = db.scalars(select(Subscription.id)).one()
        subscriptions.confirm(db, of, now=utcnow())
        outbox.welcome(db, of, now=utcnow())


def _receive(newsletter: Newsletter, sink: Sink) -> None:
    with transaction() as db:
        issue = make_scheduled_issue(db, newsletter, words=f"Letter {os.urandom(4).hex()}.")
        assert audience.freeze(db, issue.id, now=utcnow())
    with transaction() as db:
        letter = load_issue.letter(db, issue.id, _settings(sink), None)
    sender = make_sender(Relay.parse(sink.url))
    send_letter(sender, issue.id, letter)
    sender.leave()
    with transaction() as db:
        state = db.scalars(select(Delivery.state).where(Delivery.issue_id == issue.id)).one()
        assert state == ("refused" if sink.refusals else "accepted")


def _move(old: str, new: str) -> None:
    with transaction() as db:
        link: UUID = access_links.send(db, email=old, locale="fr", now=utcnow())
        subscriber = db.scalars(select(Subscriber)).one()
        rectification.ask(db, db.get_one(RightsLink, link), subscriber, new, now=utcnow())
        change = db.scalars(select(AddressChange.id).where(AddressChange.new_email == new)).one()
        assert rectification.confirm(db, change, now=utcnow()) is rectification.Change.DONE


def _wait_in_a_file(db: Session, newsletter: Newsletter) -> None:
    job = Import(
        newsletter_id=newsletter.id, state=ImportState.CHECKED, by="terminal", file_name="people.csv",
        file_fingerprint=b"", records=1, preset="csv", columns={}, source="fair", locale="fr",
        created_at=EPOCH,
    )  # fmt: skip
    db.add(job)
    db.flush()
    db.add(ImportFile(import_id=job.id, number=0, body=f"email;name\n{RAW.upper()};Zoé\n".encode()))
