"""The privacy log: a no is on disk before its commit, or it is refused; what was tampered with shows."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from mailer.cli import cli, errors
from mailer.core import appendonly, tokens
from mailer.core.db import engine, transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.core.tokens import Purpose
from mailer.imports import apply
from mailer.imports.rows import Act, Person
from mailer.monitoring import alarms
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision, LogDamaged, LogEntry, LogUnwritable, Position
from mailer.privacylog.models import HostPosition
from mailer.subscribers import subscriptions, suppressions
from mailer.subscribers.consent.bulk import Common
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.models import Subscription, SubscriptionState, Suppression, SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress
from tests.support.make import EPOCH, make_newsletter, make_pending

MARK, OTHER = b"m" * 32, b"o" * 32


def _entries() -> list[LogEntry]:
    return [line.entry for path in appendonly.files(decisions.folder()) for line, _ in decisions.read(path)]


def _own() -> Path:
    (path,) = appendonly.files(decisions.folder())
    return path


@pytest.fixture
def full(settings: Settings, clean: None) -> Iterator[None]:
    """A folder that nothing can be written to: a file stands in its place."""
    decisions.folder().write_text("in the way")
    yield
    decisions.folder().unlink()


def test_a_yes_a_no_and_what_is_never_written_to_again(db: Session) -> None:
    pending = make_pending(db, make_newsletter(db), now=EPOCH)
    fingerprint = fingerprint_of("zoe@example.org")
    subscriptions.confirm(db, pending.id, now=EPOCH)
    subscriptions.withdraw(db, pending.id, channel="one-click", now=EPOCH)
    suppressions.add(db, [SuppressedAddress(MARK, SuppressionReason.HARD_BOUNCE, EPOCH)] * 2)
    suppressions.remove(db, MARK)
    assert appendonly.files(decisions.folder()) == []
    db.commit()
    assert _entries() == [
        LogEntry(Decision.CONSENT, fingerprint, pending.newsletter_id, "link"),
        LogEntry(Decision.WITHDRAWAL, fingerprint, pending.newsletter_id, "one-click"),
        LogEntry(Decision.SUPPRESSION, MARK, None, "hard_bounce"),
        LogEntry(Decision.LIFTED, MARK),
    ]


def test_every_kind_comes_back_as_it_was_written(clean: None) -> None:
    entries = [LogEntry(decision, MARK, uuid4(), OTHER.hex()) for decision in Decision]
    with transaction() as db:
        decisions.write_all(db, entries)
    assert _entries() == entries


def test_what_is_rolled_back_is_not_written(clean: None) -> None:
    with transaction() as db:
        decisions.write(db, Decision.ERASURE, MARK)
        db.rollback()
    assert appendonly.files(decisions.folder()) == []


def test_opt_outs_of_an_import_are_written_chunk_by_chunk(db: Session) -> None:
    newsletter = make_newsletter(db)
    left = Person(1, Act.LEAVE, "a@example.org", MARK, None, "fr", EPOCH, "elsewhere")
    barred = Person(2, Act.SUPPRESS, "b@example.org", OTHER, None, "fr", EPOCH, "elsewhere")
    apply.import_people(db, Common(newsletter.id, EPOCH, "import", None), [left, barred])
    db.commit()
    assert _entries() == [
        LogEntry(Decision.WITHDRAWAL, MARK, newsletter.id, "import"),
        LogEntry(Decision.SUPPRESSION, OTHER, None, "manual"),
    ]


def test_a_no_that_cannot_be_written_is_refused_whole(full: None) -> None:
    with Session(engine()) as db:
        suppressions.add(db, [SuppressedAddress(MARK, SuppressionReason.OBJECTED, EPOCH)])
        with pytest.raises(LogUnwritable, match="nothing was changed"):
            db.commit()
    with transaction() as db:
        assert db.get(Suppression, MARK) is None
        (found,) = [each for each in alarms.find(db, now=utcnow()) if each.kind == "privacylog"]
    assert str(decisions.folder()) in found.sentence("fr")


def test_a_command_says_so_in_one_line(full: None) -> None:
    result = CliRunner().invoke(cli, ["suppression", "add", "zoe@example.org"])
    assert isinstance(result.exception, LogUnwritable)
    assert "MAILER_DATA_DIR" in (errors.sentence(result.exception) or "")


def test_an_unsubscribe_says_so_and_leaves_everything_as_it_was(app: Flask, settings: Settings) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        pending = make_pending(db, newsletter, now=EPOCH)
        subscriptions.confirm(db, pending.id, now=EPOCH)
        events = db.scalar(select(func.count()).select_from(ConsentPayload))
    path = _own()
    kept = path.read_bytes()
    path.unlink()
    path.mkdir()
    answer = app.test_client().post(f"/u/{tokens.issue(Purpose.LEAVE, (str(pending.id), newsletter.slug))}")
    path.rmdir()
    assert answer.status_code == 503
    assert "Rien n’a été changé" in answer.text
    path.write_bytes(kept)
    with transaction() as db:
        assert db.get_one(Subscription, pending.id).state is SubscriptionState.ACTIVE
        assert db.scalar(select(func.count()).select_from(ConsentPayload)) == events


@pytest.mark.parametrize("line", [1, 2, 3])
def test_a_line_that_was_altered_or_taken_out_is_named(clean: None, line: int) -> None:
    with transaction() as db:
        decisions.write_all(db, [LogEntry(Decision.ERASURE, bytes([n]) * 32) for n in range(4)])
    lines = _own().read_text().splitlines(keepends=True)
    altered = [*lines[: line - 1], lines[line - 1].replace("erasure", "lifted"), *lines[line:]]
    _own().write_text("".join(altered))
    with pytest.raises(LogDamaged, match=f"line {line}:"):
        _entries()
    _own().write_text("".join(lines[: line - 1] + lines[line:]))
    with pytest.raises(LogDamaged, match=f"line {line}:"):
        _entries()


def test_a_file_under_another_host_s_name_is_named(clean: None) -> None:
    with transaction() as db:
        decisions.write(db, Decision.ERASURE, MARK)
    _own().rename(decisions.folder() / "elsewhere.journal")
    with pytest.raises(LogDamaged, match="elsewhere"):
        _entries()


def test_what_a_power_cut_tore_never_happened_and_the_next_line_follows(clean: None) -> None:
    for decision in (Decision.RESTRICTION, Decision.RESTRICTION_LIFTED):
        with transaction() as db:
            decisions.write(db, decision, MARK)
        with _own().open("ab") as file:
            file.write(b"2026-11-24T08:00:00+00:00 erasure " + b"6d" * 3000)
        assert _entries()[-1] == LogEntry(decision, MARK)
    assert _entries() == [LogEntry(Decision.RESTRICTION, MARK), LogEntry(Decision.RESTRICTION_LIFTED, MARK)]


def test_the_database_knows_how_far_the_log_goes(clean: None) -> None:
    for _ in range(2):
        with transaction() as db:
            decisions.write(db, Decision.ERASURE, MARK)
        *_, (_, end) = decisions.read(_own())
        with transaction() as db:
            kept = db.get_one(HostPosition, appendonly.host())
            assert Position(kept.size, kept.seal) == end
        assert end.size == _own().stat().st_size


def test_what_waits_for_its_commit_is_after_what_others_see(clean: None) -> None:
    """Else a backup taken in between would hold neither the act nor a reason to replay it."""
    with transaction() as db:
        decisions.write(db, Decision.ERASURE, MARK)
    with transaction() as acting:
        decisions.write(acting, Decision.ERASURE, OTHER)
        event.listen(acting, "before_commit", lambda _: seen.append(_positions()))
        seen: list[tuple[int, int]] = []
    assert seen[0][0] < seen[0][1] == _positions()[0]


def _positions() -> tuple[int, int]:
    """How far the log goes in the eyes of another transaction, and on the disk."""
    with transaction() as db:
        return db.get_one(HostPosition, appendonly.host()).size, _own().stat().st_size
