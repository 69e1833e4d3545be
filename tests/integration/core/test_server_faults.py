"""Why a server cannot be used: every cause has its own sentence, from real servers where they can be had."""

import smtplib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from sqlalchemy import make_url

from mailer.core import connection_faults, postgres
from mailer.core.embedded import free_port
from mailer.core.settings import Settings
from mailer.smtp.relay import Relay, RelayDown
from tests.support.sink import running_sink


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes a connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "wrong"}, "refuses the password of user mailer"),
        ({"database": "nosuch"}, "has no database nosuch"),
        ({"port": 1}, "nothing listens at 127.0.0.1:1"),
        ({"host": "nohost.invalid"}, "no machine is called nohost.invalid"),
    ],
)
def test_postgresql_says_which_of_its_doors_is_shut(
    settings: Settings, change: dict[str, Any], said: str
) -> None:
    url = make_url(settings.database_url or "").set(**change).render_as_string(hide_password=False)
    with pytest.raises(psycopg.OperationalError) as shut:
        postgres.look(url)
    assert said in postgres.cause(shut.value, url)
    assert "wrong" not in postgres.cause(shut.value, url)


def test_a_server_that_never_answers_is_silent(silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "CONNECT_TIMEOUT", 2)
    url = f"postgresql://mailer@127.0.0.1:{silent}/mailer"
    with pytest.raises(psycopg.OperationalError) as shut:
        postgres.look(url)
    assert "does not answer" in postgres.cause(shut.value, url)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "FATAL:  authentification par mot de passe échouée pour l'utilisateur « mailer »",
            "refuses the password",
        ),
        ("FATAL:  la base de données « x » n'existe pas", "has no database"),
        ("FATAL:  le rôle « mailer » n'existe pas", "knows no user"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "pg_hba.conf"),
        ("FATAL:  sorry, too many clients already", "max_connections"),
        ("FATAL:  the database system is starting up", "starting"),
        ("server does not support SSL, but SSL was required", "speaks no TLS"),
        ("something new", "PostgreSQL cannot be used"),
    ],
)
def test_a_server_s_own_words_are_known_in_french_too(text: str, said: str) -> None:
    assert said in postgres.cause(psycopg.OperationalError(text), "postgresql://mailer@db/mailer")


def test_a_server_says_its_version_and_its_time(settings: Settings) -> None:
    server = postgres.look(settings.database_url or "")
    assert server.major >= postgres.MINIMUM
    assert abs(server.ahead.total_seconds()) < 2


def test_an_old_postgresql_is_refused() -> None:
    postgres.check_version(postgres.MINIMUM * 10_000)
    with pytest.raises(postgres.TooOld, match=f"PostgreSQL 14.20: mailer needs {postgres.MINIMUM} or newer"):
        postgres.check_version(140020)


def _redis(url: str) -> str:
    with (
        pytest.raises(redis.RedisError) as shut,
        redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client,
    ):
        client.ping()
    return connection_faults.redis_cause(shut.value, url)


def test_redis_says_why_it_cannot_be_used(settings: Settings, silent: int) -> None:
    there = make_url(settings.redis_url or "")
    assert "refuses the password" in _redis(f"redis://:wrong@127.0.0.1:{there.port}/0")
    assert "nothing listens at 127.0.0.1:1" in _redis("redis://127.0.0.1:1/0")
    assert "no machine is called nohost.invalid" in _redis("redis://nohost.invalid/0")
    assert "does not answer" in _redis(f"redis://127.0.0.1:{silent}/0")


def _relay(url: str) -> str:
    server = Relay.parse(url)
    with pytest.raises(RelayDown) as down:
        server.connect(patience=1)
    return server.cause(down.value)


def test_a_relay_says_why_it_cannot_be_used(silent: int) -> None:
    assert "nothing listens at 127.0.0.1:1" in _relay("smtp://127.0.0.1:1")
    assert "no machine is called nohost.invalid" in _relay("smtp://nohost.invalid:587")
    assert "does not answer" in _relay(f"smtp://127.0.0.1:{silent}")
    with running_sink() as sink:
        port = sink.url.rpartition(":")[2]
        assert "does not speak TLS" in _relay(f"smtps://127.0.0.1:{port}")
        assert "takes no login" in _relay(f"smtp://u:p@127.0.0.1:{port}")


def test_a_relay_that_refuses_our_login_names_the_user_and_no_password() -> None:
    port = free_port()
    refuse = Controller(
        object(), hostname="127.0.0.1", port=port, auth_require_tls=False,
        authenticator=lambda *_: AuthResult(success=False, handled=False),
    )  # fmt: skip
    refuse.start()
    try:
        said = _relay(f"smtp://lettre:s3cr3t@127.0.0.1:{port}")
    finally:
        refuse.stop()
    assert "refuses the login of lettre (535)" in said
    assert "s3cr3t" not in said


def test_what_no_server_of_ours_does_here_has_its_sentence_too() -> None:
    unverified = ssl.SSLCertVerificationError("bad")
    unverified.verify_message = "self-signed certificate"
    said = connection_faults.network(unverified, "relay.example.org:465", "MAILER_RELAY_URL") or ""
    assert "cannot be verified (self-signed certificate)" in said
    relay, down = Relay.parse("smtp://relay.example.org"), RelayDown("x")
    down.__cause__ = smtplib.SMTPNotSupportedError("STARTTLS extension not supported by server.")
    assert "offers no STARTTLS" in relay.cause(down)
    down.__cause__ = smtplib.SMTPResponseException(421, b"no")
    assert "turns us away (421)" in relay.cause(down)
