"""The bells, against the real Redis."""

import os
import re
import subprocess
import sys
from pathlib import Path

from mailer import tasks
from mailer.core import circuit
from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.monitoring import alarms
from tests.faults import tree
from tests.support.waiting import PATIENCE


def test_every_task_has_its_queue(settings: Settings) -> None:
    ours = {name for name in tasks.app.tasks if name.startswith("mailer.")}
    assert ours == {
        f"mailer.{name}"
        for name in (
            "tick",
            "send",
            "signups",
            "notices",
            "sweep",
            "keep",
            "keep_again",
            "purge",
            "inbox",
            "imports",
            "routes",
        )
    }
    queues = {name: tasks.app.amqp.router.route({}, name)["queue"].name for name in ours}
    assert {name for name, queue in queues.items() if queue == "letters"} == {"mailer.send"}
    slow = {"mailer.imports", "mailer.keep", "mailer.keep_again", "mailer.routes"}
    assert {name for name, queue in queues.items() if queue == "chores"} == slow
    assert set(queues.values()) == {"letters", "notices", "chores"}


def test_every_queue_has_a_worker_that_is_documented_watched_and_tried() -> None:
    queues = {"letters", "notices", "chores"}
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"worker -Q (\w+) -n \1@", manual)) == queues
    assert set(alarms.KINDS_OF_PROCESS) == set(tree.MEMBERS) == queues | {"beat"}


def test_a_bell_nobody_hears_is_no_error(settings: Settings) -> None:
    away = os.environ | {"MAILER_REDIS_URL": "redis://127.0.0.1:1/0"}
    code = "from mailer import tasks; tasks.ring('tick'); print('went on')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=away, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert "the bell was not heard" in done.stdout
    assert done.stdout.endswith("went on\n")


def test_the_worker_loads_neither_flask_nor_mjml(settings: Settings) -> None:
    code = "import sys, mailer.tasks; print({'flask', 'mjml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_key_that_is_back_calls_nobody_any_more(clean: None) -> None:
    with transaction() as db:
        circuit.hit(db, circuit.DKIM, "the key cannot be read", now=utcnow())
    tasks.send_notices()
    with transaction() as db:
        assert circuit.known(db) == {}
