"""Every door is guarded, or is open on purpose and named here."""

import pytest
from flask import Flask

from mailer.settings import Settings
from mailer.web.app import create_app
from mailer.web.security import csrf

ANONYMOUS_POSTS = {
    "public.sign_up", "public.sign_up_framed", "public.begin", "links.confirm", "links.come_back",
    "links.leave", "links.tell_why", "preferences.send_link", "preferences.save",
}  # fmt: skip
OPEN = {"health", "pages", "public", "links", "preferences", "reading", "login", "static"}


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return create_app(settings)


def test_what_changes_something_needs_a_token_or_is_listed(app: Flask) -> None:
    acting = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    exempt = {name for name in acting if name.partition(".")[0] in {b.name for b in csrf._exempt_blueprints}}
    exempt |= {name for name in acting if _view(app, name) in csrf._exempt_views}
    assert exempt == ANONYMOUS_POSTS


def test_no_page_is_open_by_accident(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        room = rule.endpoint.partition(".")[0]
        if room in OPEN:
            continue
        assert app.before_request_funcs.get(room), rule.endpoint


def _view(app: Flask, endpoint: str) -> str:
    view = app.view_functions[endpoint]
    return f"{view.__module__}.{view.__name__}"
