"""The tasks and their queues, against the real Redis."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import redis
from flask import Flask

from mailer import tasks
from mailer.core import circuit, jobs, tokens
from mailer.core.after_commit import Task
from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.core.tokens import Purpose
from mailer.issues import link_visits
from mailer.issues.models import Issue
from mailer.monitoring import alarms
from tests.faults import tree
from tests.support.commands import facts
from tests.support.desk_rows import make_issue
from tests.support.make import ask, make_newsletter, make_pending


def test_every_task_has_its_queue(settings: Settings) -> None:
    ours = {name for name in tasks.app.tasks if name.startswith("mailer.")}
    assert ours == set(Task)
    queues = {name: tasks.app.amqp.router.route({}, name)["queue"].name for name in ours}
    assert {name for name, queue in queues.items() if queue == "letters"} == {"mailer.send"}
    assert {name for name, queue in queues.items() if queue == "notices"} == {"mailer.notices"}
    slow = {
        f"mailer.{name}" for name in ("imports", "inbox", "links", "verify", "keep", "keep_again", "routes")
    }
    assert {name for name, queue in queues.items() if queue == "chores"} == slow
    assert set(queues.values()) == {"letters", "notices", "ticks", "chores"}


def test_links_are_looked_at_and_none_of_ours_is_spoken_to(settings: Settings, clean: None) -> None:
    tasks.look_at_links()
    with transaction() as db:
        issue = db.get_one(Issue, make_issue(db, make_newsletter(db)))
        text = "[Ailleurs](http://127.0.0.1:80/admin), [là](http://localhost/), [ici](mailto:a@x.fr)"
        issue.content = issue.content | {"blocks": [{"kind": "text", "text": text}]}
        assert link_visits.ask(db, issue, now=utcnow()) == 2
    tasks.look_at_links()
    with transaction() as db:
        visits = link_visits.of_issue(db, issue.id)
        assert link_visits.waiting(db) == []
    assert {url: visit.fault for url, visit in visits.items()} == {
        "http://127.0.0.1:80/admin": "private", "http://localhost/": "private",
    }  # fmt: skip


def test_every_queue_has_a_worker_that_is_documented_watched_and_tried() -> None:
    queues = {"letters", "notices", "ticks", "chores"}
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"worker -Q (\w+) -n \1@", manual)) == queues
    assert set(alarms.KINDS_OF_PROCESS) == set(tree.MEMBERS) == queues | {"beat"}


def _waiting(settings: Settings) -> Iterator[str]:
    """Take the names of the tasks that wait for the worker of the notices."""
    with redis.Redis.from_url(settings.redis_url or "") as client:
        while message := client.lpop("notices"):
            yield json.loads(message)["headers"]["task"]


def test_what_a_page_causes_is_asked_for(app: Flask, settings: Settings) -> None:
    with transaction() as db:
        pending = make_pending(db, make_newsletter(db), now=utcnow())
    link = tokens.issue(Purpose.CONFIRM, [pending.id.hex, "lettre"])
    list(_waiting(settings))
    assert app.test_client().get(f"/confirm/{link}").status_code == 200
    assert list(_waiting(settings)) == []
    assert app.test_client().post(f"/confirm/{link}").status_code == 200
    assert list(_waiting(settings)) == [Task.NOTICES]
    assert app.test_client().post(f"/confirm/{link}").status_code == 200  # confirmed before: nothing to send
    assert list(_waiting(settings)) == []


def test_what_a_command_causes_is_asked_for(clean: None, settings: Settings) -> None:
    list(_waiting(settings))
    facts("rgpd", "breach", "open", "--what", "Un portable volé.")
    assert list(_waiting(settings)) == [Task.NOTICES]


def test_what_a_task_causes_is_asked_for_once(clean: None, asked_for: list[Task]) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        for number in range(3):
            ask(db, newsletter, f"reader{number}@example.org", now=utcnow())
    jobs.run(tasks.FORMS)
    assert asked_for == [Task.NOTICES] * 3
    asked_for.clear()
    with transaction() as db:
        for number in range(3, 6):
            ask(db, db.merge(newsletter), f"reader{number}@example.org", now=utcnow())
    tasks.signups()
    assert asked_for == [Task.NOTICES]


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
