"""`mailer doctor`: what is wrong is named, with what to do; what is right is said too."""

import json
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from mailer.cli import doctor
from mailer.cli.doctor import LOOK, OK, WRONG, Finding
from mailer.core.settings import Settings
from tests.support.commands import facts, mailer
from tests.support.fresh_database import fresh_database
from tests.support.nameserver import running_nameserver
from tests.support.sink import running_sink

RETURN = {("letters.example.org", "MX"): ["10 mx.example.org."]}


def _states(nameserver: str, **changes: str) -> tuple[int, dict[str, tuple[str, str]]]:
    done = mailer("doctor", "--nameserver", nameserver, "--json", env=os.environ | changes)
    assert "Traceback" not in done.stderr
    return done.returncode, {
        each["check"]: (each["state"], each["sentence"]) for each in json.loads(done.stdout)
    }


@pytest.mark.usefixtures("clean")
def test_everything_in_order() -> None:
    facts("newsletter", "create", "--slug", "lettre", "--name", "La lettre")
    with running_sink() as sink, running_nameserver(RETURN) as nameserver:
        code, found = _states(nameserver, MAILER_RELAY_URL=sink.url)
    assert (code, {state for state, _ in found.values()} - {LOOK}) == (0, {OK})
    assert {"settings", "disk", "relay", "redis", "database", "clock", "schema", "dns"} == set(found)
    assert found["dns"][1] == "mail to letters.example.org goes to mx.example.org"


@pytest.mark.usefixtures("clean")
def test_each_fault_is_named_and_none_hides_another() -> None:
    facts("newsletter", "create", "--slug", "lettre", "--name", "La lettre")
    with running_nameserver({("example.org", "MX"): ["10 mx.example.org."]}) as nameserver:
        code, found = _states(nameserver, MAILER_REDIS_URL="redis://127.0.0.1:1/0")
        assert code == 1
        assert found["relay"] == (
            WRONG,
            "nothing listens at 127.0.0.1:1: start the server, or mend MAILER_RELAY_URL",
        )
        assert (found["redis"][0], found["database"][0]) == (WRONG, OK)
        assert "letters.example.org has no MX record" in found["dns"][1]
        _, found = _states(nameserver, MAILER_DATABASE_URL="postgresql://nobody:x@127.0.0.1:1/nothing")
        assert "nothing listens at 127.0.0.1:1" in found["database"][1]
        assert "schema" not in found


def test_an_empty_database_is_told_what_to_run(settings: Settings) -> None:
    with fresh_database(settings), running_nameserver({}) as nameserver:
        assert "`mailer db upgrade`" in _states(nameserver)[1]["schema"][1]


def test_settings_that_lack_are_a_line_each(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MAILER_")}
    done = mailer("doctor", env=bare, cwd=tmp_path)
    assert done.returncode == 1
    assert len([line for line in done.stdout.splitlines() if "is not set" in line]) == 12


def test_keys_that_others_may_read_are_told(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "mailer.env"
    file.write_text("MAILER_SENDERS=2\n")
    file.chmod(0o644)
    done = mailer("doctor", env=os.environ | {"MAILER_ENV_FILE": str(file)})
    assert f"chmod 600 {file}" in done.stdout


@pytest.mark.parametrize(("ahead", "state"), [(0.5, OK), (-1.9, OK), (3, WRONG), (-3, WRONG)])
def test_a_clock_that_is_two_seconds_off_is_told(ahead: float, state: str) -> None:
    found = doctor._clock(timedelta(seconds=ahead))
    assert found.state == state
    assert ("NTP" in found.sentence) is (state == WRONG)
    assert ("behind the database" in found.sentence) is (ahead == 3)


def test_a_folder_without_room_or_rights_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [each.state for each in doctor.disk(tmp_path / "new")] == [OK]
    monkeypatch.setattr(doctor, "LITTLE_ROOM", 1 << 60)
    monkeypatch.setattr(doctor, "ROOM", 1 << 60)
    assert [each.state for each in doctor.disk(tmp_path)] == [WRONG]
    (tmp_path / "file").write_text("")
    [found] = doctor.disk(tmp_path / "file")
    assert (found.state, "MAILER_DATA_DIR" in found.sentence) == (WRONG, True)
    assert stat.S_ISREG((tmp_path / "file").stat().st_mode)


def test_what_nobody_foresaw_is_a_line_as_well() -> None:
    def broken() -> doctor.Findings:
        raise ZeroDivisionError
        yield Finding("x", OK, "")

    assert [each.state for each in doctor._tried("x", broken)] == [WRONG]


def test_a_dns_that_does_not_answer_is_only_told() -> None:
    with running_nameserver({}, silent=["a.example"]) as nameserver:
        assert [each.state for each in doctor.return_paths(["a.example"], nameserver)] == [LOOK]
