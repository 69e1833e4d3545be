"""Every line of the log has one form, names what it is about, and nobody."""

import json
import logging as standard
from collections.abc import Iterator

import pytest

from mailer.core import logging
from mailer.core.logging import LogFormat, LogLevel, following, log

ADDRESS, TOKEN = "zoe@example.org", "a" * 43


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = standard.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.configure()
    root.handlers[:] = handlers


def _lines(
    capsys: pytest.CaptureFixture[str], form: LogFormat = "json", level: LogLevel = "info"
) -> list[str]:
    logging.configure(form, level)
    log.info("frozen", audience=3, to=ADDRESS)
    standard.getLogger("celery.worker").warning("to %s at /u/%s", ADDRESS, TOKEN)
    try:
        raise ValueError(ADDRESS)
    except ValueError:
        standard.getLogger("gunicorn.error").exception("broken")
    return capsys.readouterr().err.splitlines()


def test_ours_and_the_libraries_lines_are_one_json_object_each(capsys: pytest.CaptureFixture[str]) -> None:
    with following(request="r1", issue="i1"):
        ours, celery, gunicorn = map(json.loads, _lines(capsys))
    assert (ours["event"], ours["audience"], ours["level"], ours["logger"]) == ("frozen", 3, "info", "mailer")
    assert (celery["event"], celery["logger"]) == ("to [address] at /u/[token]", "celery.worker")
    assert "ValueError: [address]" in gunicorn["exception"]
    assert {(each["request"], each["issue"]) for each in (ours, celery, gunicorn)} == {("r1", "i1")}


def test_text_is_one_line_a_record_too(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _lines(capsys, "text")
    assert len(lines) == 3
    assert all(line.startswith("timestamp=") for line in lines)
    assert "level=info event=frozen logger=mailer audience=3 to=[address]" in lines[0]
    assert not any(ADDRESS in line or TOKEN in line for line in lines)


def test_a_level_keeps_what_is_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert [json.loads(line)["level"] for line in _lines(capsys, level="error")] == ["error"]


def test_the_noise_of_libraries_is_left_out_unless_one_looks_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    noise = ["alembic.runtime.migration", "celery.worker.request", "celery.beat", "flask-limiter"]
    for level, heard in (("info", 0), ("debug", len(noise))):
        logging.configure("json", level)  # type: ignore[arg-type]
        for name in noise:
            standard.getLogger(name).info("noise")
        assert len(capsys.readouterr().err.splitlines()) == heard


def test_what_is_followed_ends_with_its_block() -> None:
    with following(request="r1"):
        assert logging.followed("request") == "r1"
    assert logging.followed("request") is None
