"""A relay and a web hook of a test's own, and processes that are alive."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from pydantic import SecretStr

from mailer.core import heartbeats
from mailer.core.db import transaction
from mailer.core.settings import Settings
from mailer.monitoring import channels
from mailer.monitoring.alarms import KINDS_OF_PROCESS
from tests.support.sink import Sink, running_sink
from tests.support.web_hook import WebHook, running_hook


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as running:
        yield running


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebHook]:
    monkeypatch.setattr(channels, "PAUSE", 0.0)
    with running_hook() as running:
        yield running


@pytest.fixture
def alive(clean: None) -> None:
    """Every process has just given a sign of life."""
    with transaction() as db:
        for kind in KINDS_OF_PROCESS:
            heartbeats.beat(db, uuid4(), kind)


@pytest.fixture
def given(settings: Settings, sink: Sink, hook: WebHook, alive: None) -> Settings:
    """The settings, with this relay and this hook."""
    return settings.model_copy(update={"relay_url": sink.url, "alert_url": SecretStr(hook.url)})
