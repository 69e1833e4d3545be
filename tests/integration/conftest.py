"""The web application, on the tests' servers."""

import pytest
from flask import Flask

from mailer.core.settings import Settings
from mailer.web.app import create_app
from mailer.web.security import limiter


@pytest.fixture(scope="session")
def built(settings: Settings) -> Flask:
    app = create_app(settings)
    app.testing = True
    return app


@pytest.fixture
def app(built: Flask, clean: None) -> Flask:
    """Return the one application: what a test changes of it, it sets back."""
    with built.app_context():
        limiter.reset()
    return built
