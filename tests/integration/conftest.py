"""The web application, on the tests' servers."""

import pytest
from flask import Flask

from mailer.core.settings import Settings
from mailer.web.app import create_app
from mailer.web.security import limiter


@pytest.fixture
def app(settings: Settings, clean: None) -> Flask:
    app = create_app(settings)
    app.testing = True
    with app.app_context():
        limiter.reset()
    return app
