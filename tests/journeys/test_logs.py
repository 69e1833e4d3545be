"""The logs of the real processes: one form, nothing but what is of use, ids that follow what happens."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
import redis

from mailer.core.after_commit import Task
from mailer.core.embedded import free_port
from mailer.core.settings import Settings
from tests.support.waiting import PATIENCE, until

ASKING = """
from mailer.celery_app import app, ask_for
from mailer.core.after_commit import Task
from mailer.core.logging import following
app.send_task(Task.NOTICES.value, expires=-1, ignore_result=True)  # discarded, in silence
with following(request="r-42"):
    ask_for(Task.ROUTES)
"""
pytestmark = pytest.mark.usefixtures("clean")


@contextmanager
def _running(folder: Path, *module: str) -> Iterator[Path]:
    """A process of ours until the end of the block, and where it logs to."""
    errors = folder / "stderr"
    with errors.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *module], stdout=subprocess.DEVNULL, stderr=file,
            start_new_session=True,
            env=os.environ | {"MAILER_LOG_FORMAT": "json", "PYTHONWARNINGS": "ignore"},  # Celery's to root
        )  # fmt: skip
    try:
        yield errors
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def _get(url: str, **headers: str) -> Message | None:
    """The headers of the answer; None where there is none yet."""
    asked = urllib.request.Request(url, headers=headers)  # noqa: S310 -- our own page
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:  # noqa: S310
            return answer.headers  # type: ignore[no-any-return]
    except HTTPError as error:
        with error:
            return error.headers
    except (URLError, ConnectionError):
        return None


def test_the_site_s_lines_have_one_form_and_follow_a_request(tmp_path: Path) -> None:
    port = free_port()
    gunicorn = ("gunicorn", "-c", "python:mailer.web.gunicorn", "--bind", f"127.0.0.1:{port}",
                "mailer.web.app:create_app()")  # fmt: skip
    with _running(tmp_path, *gunicorn) as errors:
        until(lambda: _get(f"http://127.0.0.1:{port}/healthz"), "the site did not start")
        for _ in range(2):
            _get(f"http://127.0.0.1:{port}/readyz")
        token = "t" * 60
        given = _get(f"http://127.0.0.1:{port}/confirm/{token}", **{"X-Request-ID": "from-the-proxy-1"})
        other = _get(f"http://127.0.0.1:{port}/rights", **{"X-Request-ID": "zoe@example.org"})
        assert given
        assert given["X-Request-ID"] == "from-the-proxy-1"
    lines = _lines(errors)
    assert {"gunicorn.error", "mailer"} == {line["logger"] for line in lines}
    assert not any("ontrol socket" in line["event"] for line in lines)
    answered = [line for line in lines if line["event"] == "answered"]
    assert other
    assert "X-Request-ID" not in other
    assert [line["request"] == "from-the-proxy-1" for line in answered] == [True, False]
    assert {line["method"] for line in answered} == {"GET"}
    assert token not in errors.read_text()
    assert "@" not in errors.read_text()


def test_a_worker_s_lines_have_one_form_and_follow_a_task_to_its_request(
    settings: Settings, tmp_path: Path
) -> None:
    with redis.Redis.from_url(settings.redis_url or "") as broker:
        broker.delete("chores", "notices")  # of other tests: what waits already is not asked for again
    subprocess.run([sys.executable, "-c", ASKING], check=True)
    celery = ("celery", "-A", "mailer.tasks", "worker", "-Q", "chores,notices", "-c", "1", "-P", "prefork",
              "--without-gossip", "--without-mingle")  # fmt: skip
    with _running(tmp_path, *celery) as errors:
        until(lambda: "routes learnt" in errors.read_text(), "the task did not run")
    lines = _lines(errors)
    [learnt] = [line for line in lines if line["event"] == "routes learnt"]
    assert (learnt["task"], learnt["request"], learnt["job"]) == (Task.ROUTES.value, "r-42", "routes")
    assert learnt["task_id"]
    assert "revoked" not in errors.read_text()
    assert "alembic" not in errors.read_text()
