"""A database server that takes connections and says nothing, as one behind a broken network."""

import socket

import pytest
from sqlalchemy.exc import OperationalError

from mailer.core import db
from mailer.core.settings import Settings
from tests.support.fresh_database import turn


def test_no_connection_waits_for_ever(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(db.CONNECTION, "connect_timeout", 2)  # the least that libpq takes
    usual = settings.database_url or ""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        turn(f"postgresql+psycopg://mailer:secret@127.0.0.1:{silent.getsockname()[1]}/mailer")
        try:
            with pytest.raises(OperationalError), db.engine().connect():
                pass
        finally:
            turn(usual)
