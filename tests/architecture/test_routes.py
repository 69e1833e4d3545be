"""Every door is guarded, or is open on purpose and named here."""

import re

import pytest
from flask import Flask

from mailer.core.settings import Settings
from mailer.web.app import create_app
from mailer.web.security import csrf
from tests.support.rights_links import open_session

ANONYMOUS_POSTS = {
    "public.sign_up", "public.sign_up_framed", "public.begin", "links.confirm", "links.come_back",
    "links.leave", "links.tell_why", "testers.agree", "testers.stop",
    "preferences.send_link", "preferences.save",
    "preferences.open_form", "rights.send_link",
    "rights.enter", "rights.addresses.confirm", "rights.addresses.undo", "still.go_on",
}  # fmt: skip
OPEN = {
    "accessibility", "health", "links", "login", "pages", "preferences", "public", "reading", "rights",
    "static", "still", "testers",
}  # fmt: skip
_FIRST = re.compile(r"<any\((\w+)[^>]*>")  # of the names a path may hold
OWN_TOKENS = "yours"  # a room whose every form carries its session's token


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return create_app(settings)


def test_what_changes_something_needs_a_token_or_is_listed(app: Flask) -> None:
    acting = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    exempt = {name for name in acting if name.partition(".")[0] in {b.name for b in csrf._exempt_blueprints}}
    exempt |= {name for name in acting if _view(app, name) in csrf._exempt_views}
    assert {name for name in exempt if name.partition(".")[0] != OWN_TOKENS} == ANONYMOUS_POSTS


def test_the_rights_session_takes_nothing_without_its_token(app: Flask, clean: None) -> None:
    """Nobody else's form gets as far as its view, whatever it asks for."""
    client = app.test_client()
    client.set_cookie("rights", open_session("zoe@example.org"), path="/rights")
    acting = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith(f"{OWN_TOKENS}.")]
    posts = [_FIRST.sub(r"\1", rule.rule) for rule in acting if "POST" in (rule.methods or ())]
    assert posts
    for path in posts:
        assert client.post(path, data={"form_token": "0" * 64}).status_code == 400, path
        assert app.test_client().post(path).status_code == 410, path


def test_no_page_is_open_by_accident(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        room = rule.endpoint.partition(".")[0]
        if room in OPEN:
            continue
        assert app.before_request_funcs.get(room), rule.endpoint


def _view(app: Flask, endpoint: str) -> str:
    view = app.view_functions[endpoint]
    return f"{view.__module__}.{view.__name__}"
