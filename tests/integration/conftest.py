"""The web application, on the tests' servers."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mailer import celery_app, tasks
from mailer.core import after_commit, jobs
from mailer.core.after_commit import Task
from mailer.core.db import transaction
from mailer.core.settings import Settings
from mailer.web.app import create_app
from mailer.web.security import limiter
from tests.support.desk_client import log_in
from tests.support.desk_rows import make_staff


@pytest.fixture(scope="session")
def built(settings: Settings) -> Flask:
    app = create_app(settings)
    app.testing = True
    return app


@pytest.fixture(scope="session", autouse=True)
def broker(settings: Settings) -> None:
    """Have Celery's app read its settings now, and not from within a test with servers of its own."""
    assert celery_app.app.conf.broker_url == settings.redis_url


@pytest.fixture
def app(built: Flask, clean: None) -> Flask:
    """Return the one application: what a test changes of it, it sets back."""
    with built.app_context():
        limiter.reset()
    return built


@pytest.fixture
def desk(app: Flask) -> FlaskClient:
    """Léa, logged in at the desk."""
    with transaction() as db:
        make_staff(db)
    client = app.test_client()
    assert log_in(client).status_code == 303
    return client


@pytest.fixture(autouse=True)
def same_limiter() -> Iterator[None]:
    """Set the limiter back: one application on servers of a test's own takes it there for all that follow."""
    before = vars(limiter).copy()
    yield
    vars(limiter).update(before)


@pytest.fixture
def asked_for() -> Iterator[list[Task]]:
    """Give the tasks that are asked for: they are noted here, and no worker is told."""
    asked: list[Task] = []

    def note(task: Task, *_: object) -> None:
        asked.append(task)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(celery_app, "ask_for", note)  # of an application that is made meanwhile
        patch.setattr(tasks, "ask_for", note)
        patch.setattr(after_commit, "_publish", note)
        yield asked


@pytest.fixture
def failures_expected() -> None:
    """Asked for by a test in which jobs are to fail."""


@pytest.fixture(autouse=True)
def no_job_fails(request: pytest.FixtureRequest) -> Iterator[None]:
    """A job that raises is counted, and raises no further: not unseen by a test."""
    yield
    names = set(request.fixturenames)
    if "clean" in names and "failures_expected" not in names:
        with transaction() as db:
            assert jobs.failing(db) == []
