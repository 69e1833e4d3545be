"""A real Chromium on the real site: one newsletter, its letter on the way, an account for the desk."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from sqlalchemy import select
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.wrappers import Response

from mailer.core import settings as settings_module
from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.embedded import free_port
from mailer.core.paths import templates_dir
from mailer.core.settings import Settings
from mailer.core.tokens import Purpose
from mailer.delivery import audience
from mailer.demo.run import LETTER
from mailer.issues import lifecycle, yaml_file
from mailer.newsletters.models import Theme
from mailer.subscribers.models import Subscription
from mailer.web.app import create_app
from mailer.web.public import forms
from mailer.web.security import limiter
from tests.support.desk_rows import make_staff
from tests.support.make import make_newsletter, make_pending, make_readers
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass(frozen=True)
class Site:
    """Where the pages are, and links such as mails hold."""

    url: str
    draft: UUID
    sent: UUID
    confirm: str
    own_word: str  # the same, of a reader who was imported
    leave: str
    back: str
    preferences: str
    asked: UUID  # a subscription to be confirmed, and…
    reader: UUID  # …one that is active, by an import
    host: str  # another body's site, allowed to hold our form, and…
    stranger: str  # …one that is not
    stop: Callable[[], None] = field(default=lambda: None, compare=False)  # our own site, and…
    start: Callable[[], None] = field(default=lambda: None, compare=False)  # …start it again


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: the pages were not looked at in a browser")
    expect.set_options(timeout=PATIENCE * 1000)
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield chromium
        chromium.close()


@pytest.fixture
def site(settings: Settings, clean: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    port, other = free_port(), free_port()
    monkeypatch.setattr(forms, "FASTEST", timedelta(0))  # a test types like a robot
    monkeypatch.setenv("MAILER_PUBLIC_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("MAILER_EMBED_ORIGINS", f"http://localhost:{other}")
    settings_module.settings.cache_clear()
    given = settings_module.settings()
    app = create_app(given)
    with app.app_context():
        limiter.reset()
    running = [_serving(_another_site(other, given.public_url))]

    def start() -> None:
        running.append(_serving(_Server("127.0.0.1", port, _whole(app))))

    def stop() -> None:
        server = running.pop()
        server.shutdown()
        server.server_close()

    start()
    yield replace(_furnished(given, other), start=start, stop=stop)
    while running:
        stop()
    monkeypatch.undo()
    settings_module.settings.cache_clear()


def _whole(app: "WSGIApplication") -> "WSGIApplication":
    """Have each answer whole before it is sent: this server closes no file of one that is cut off."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        with closing(app(environ, start_response)) as parts:  # type: ignore[type-var]
            return [b"".join(parts)]

    return answer


class _Server(ThreadedWSGIServer):
    """Closed once all it was asked is answered: the settings go with the test."""

    daemon_threads = False


def _serving(server: _Server) -> _Server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _another_site(port: int, ours: str) -> _Server:
    """One page, with our form in a frame, and a form of its own that leads to ours."""
    page = f'''<iframe src="{ours}/lettre/embed" title="form" width="100%" height="700"></iframe>
        <form action="{ours}/lettre/subscribe" method="post">
        <input name="email" value="nina@example.org"><button>own</button></form>'''
    return _Server("127.0.0.1", port, Response(page, mimetype="text/html"))


def _furnished(given: Settings, other: int) -> Site:
    with transaction() as db:
        newsletter = make_newsletter(db, name="La lettre du commissariat", description="Chaque mois.")
        make_newsletter(db, slug="appels", name="Appels à projets", theme=Theme.DSFR)
        make_readers(db, newsletter, 12)
        make_staff(db)
        content, assets = yaml_file.load(templates_dir() / LETTER)
        draft, sent = (lifecycle.import_issue(db, content, assets, now=utcnow()) for _ in range(2))
        lifecycle.schedule(db, sent, due_at=utcnow(), approver="terminal", now=utcnow(), settings=given)
        audience.freeze(db, sent.id, now=utcnow())
        assert sent.send_id
        pending = make_pending(db, newsletter, now=utcnow())
        link = [pending.id.hex, newsletter.slug]
        reader = db.scalars(select(Subscription).where(Subscription.state == "active").limit(1)).one()
        return Site(
            url=given.public_url, draft=draft.id, sent=sent.id,
            confirm="/confirm/" + tokens.issue(Purpose.CONFIRM, link),
            own_word="/confirm/" + tokens.issue(Purpose.CONFIRM, [reader.id.hex, newsletter.slug]),
            leave="/u/" + tokens.issue_delivery(Purpose.UNSUBSCRIBE, sent.send_id, 1),
            back="/back/" + tokens.issue(Purpose.UNDO, link),
            preferences="/preferences/"
            + tokens.issue(Purpose.PREFERENCES, [reader.subscriber_id.hex, newsletter.slug]),
            asked=pending.id, reader=reader.id,
            host=f"http://localhost:{other}/", stranger=f"http://127.0.0.1:{other}/",
        )  # fmt: skip
