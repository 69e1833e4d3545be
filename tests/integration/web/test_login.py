"""Logging in to the desk: sessions that end, guesses that are slowed down, hashing that holds nobody up."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Literal
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, func, select, update
from werkzeug.test import TestResponse

from mailer.core.db import engine, transaction, utcnow
from mailer.core.embedded import free_port
from mailer.core.settings import Settings
from mailer.staff import accounts, login_limits, passwords, sessions
from mailer.staff.models import Staff, StaffSession
from mailer.web.app import create_app
from mailer.web.security import limiter
from tests.support.desk_client import FRENCH, log_in, token
from tests.support.desk_rows import EMAIL, PASSWORD, make_staff
from tests.support.travel import travelling
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("clean")
WRONG, NEXT = "un mauvais mot de passe", "un tout autre choix de mots"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def lea(app: Flask) -> UUID:
    with transaction() as db:
        return make_staff(db).id


@pytest.fixture
def client(app: Flask, lea: UUID) -> FlaskClient:
    """Léa, logged in."""
    client = app.test_client()
    assert log_in(client).status_code == 303
    return client


@pytest.fixture
def known(client: FlaskClient) -> FlaskClient:
    """Léa's browser, logged out."""
    assert client.post("/logout", data={"csrf_token": token(client, "/desk/")}).status_code == 303
    return client


def copied(app: Flask, client: FlaskClient) -> FlaskClient:
    """Another browser, with the same cookie."""
    cookie = client.get_cookie("session")
    assert cookie
    other = app.test_client()
    other.set_cookie("session", cookie.value)
    return other


def is_in(client: FlaskClient) -> bool:
    """Whoever is logged in is led on to the desk: the quickest page that asks."""
    return client.get("/login").status_code == 302


def act(client: FlaskClient, path: str, **data: str) -> TestResponse:
    data["csrf_token"] = token(client, "/desk/account")
    return client.post(f"/desk/account{path}", data=data, headers=FRENCH)


def change(client: FlaskClient, current: str = PASSWORD, new: str = NEXT, again: str = NEXT) -> TestResponse:
    return act(client, "/password", current=current, new=new, again=again)


def test_a_cookie_copied_before_the_logout_is_dead_after_it(app: Flask, client: FlaskClient) -> None:
    thief = copied(app, client)
    assert is_in(thief)
    assert client.post("/logout", data={"csrf_token": token(client, "/desk/")}).status_code == 303
    assert not is_in(client)
    assert not is_in(thief)


def test_logging_in_again_ends_the_session_before(app: Flask, client: FlaskClient) -> None:
    thief = copied(app, client)
    form = {"email": EMAIL, "password": PASSWORD, "csrf_token": token(client, "/desk/")}
    assert client.post("/login", data=form).status_code == 303
    assert is_in(client)
    assert not is_in(thief)


def test_the_database_does_not_hold_what_opens_a_session(app: Flask, client: FlaskClient) -> None:
    with client.session_transaction() as cookie:
        secret = cookie["_user_id"]
    with transaction() as db:
        digest, ident = db.execute(select(StaffSession.digest, StaffSession.id)).one()
    assert len(secret) >= 43
    for known in (digest.hex(), str(ident), ident.hex):
        assert secret != known
        other = app.test_client()
        with other.session_transaction() as cookie:
            cookie["_user_id"] = known
        assert not is_in(other)


def test_an_account_s_id_opens_nothing(app: Flask, client: FlaskClient, lea: UUID) -> None:
    """The cookie of the sessions before these."""
    old = app.test_client()
    with old.session_transaction() as cookie:
        cookie["_user_id"] = str(lea)
    assert not is_in(old)


def test_a_new_password_ends_every_session_but_this_browser_s(app: Flask, client: FlaskClient) -> None:
    thief, elsewhere = copied(app, client), app.test_client()
    assert log_in(elsewhere).status_code == 303
    answer = change(client)
    assert answer.status_code == 303
    assert is_in(client)
    assert not is_in(thief)
    assert not is_in(elsewhere)
    assert log_in(app.test_client()).status_code == 422
    assert log_in(app.test_client(), NEXT).status_code == 303


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"current": WRONG}, "Ce n’est pas votre mot de passe actuel."),
        ({"again": PASSWORD}, "Les deux mots de passe diffèrent"),
        ({"new": PASSWORD, "again": PASSWORD}, "déjà le vôtre"),
        ({"new": "azertyuiop123", "again": "azertyuiop123"}, "est facile à deviner"),
        ({"new": "court", "again": "court"}, "trop court"),
        ({"new": "", "again": ""}, "trop court"),
    ],
)
def test_a_password_that_does_not_do_changes_nothing(
    app: Flask, client: FlaskClient, typed: dict[str, str], said: str
) -> None:
    other = copied(app, client)
    answer = change(client, **typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert is_in(other)
    assert log_in(app.test_client()).status_code == 303


def test_a_stolen_session_guesses_the_password_no_faster(client: FlaskClient) -> None:
    most = login_limits.DEVICE[0]
    statuses = [change(client, WRONG).status_code for _ in range(most + 1)]
    assert statuses == [422] * most + [429]
    assert change(client).status_code == 429


def test_a_disabled_account_is_out_at_once(app: Flask, client: FlaskClient, lea: UUID) -> None:
    with transaction() as db:
        assert accounts.disable(db, lea, now=utcnow())
    assert not is_in(client)
    refused = log_in(app.test_client())
    assert refused.status_code == 422
    assert "incorrect" in refused.text
    with transaction() as db:
        assert accounts.enable(db, lea)
    assert not is_in(client)  # what was ended stays so
    assert log_in(app.test_client()).status_code == 303


def test_a_session_has_an_age(client: FlaskClient) -> None:
    begun = utcnow()
    step = sessions.IDLE - timedelta(minutes=1)
    for number in range(1, sessions.LONGEST // step + 1):
        with travelling(begun + number * step):
            assert is_in(client), number * step
    with travelling(begun + sessions.LONGEST + timedelta(seconds=1)):
        assert not is_in(client)


def test_an_idle_session_ends(client: FlaskClient) -> None:
    with travelling(utcnow() + sessions.IDLE + timedelta(minutes=2)):
        assert not is_in(client)


def test_what_a_page_looks_up_by_itself_keeps_no_session_alive(client: FlaskClient) -> None:
    begun = utcnow()
    for number in range(1, 4):
        with travelling(begun + number * sessions.IDLE / 3):
            client.get("/login", headers={"Sec-Fetch-Dest": "empty"})
    with travelling(begun + sessions.IDLE * 4 / 3):
        assert not is_in(client)


def test_one_sees_and_ends_one_s_sessions(app: Flask, client: FlaskClient) -> None:
    other = app.test_client()
    other.environ_base["HTTP_USER_AGENT"] = FIREFOX
    assert log_in(other).status_code == 303
    page = client.get("/desk/account", headers=FRENCH).text
    assert "Firefox, Linux" in page
    assert page.count("Cette session") == 1
    with transaction() as db:
        theirs = db.scalars(select(StaffSession.id).where(StaffSession.browser == "Firefox, Linux")).one()
    assert act(client, f"/sessions/{theirs}/end").status_code == 303
    assert not is_in(other)
    assert is_in(client)
    assert act(client, f"/sessions/{theirs}/end").status_code == 404


def test_nobody_ends_another_s_session(app: Flask, client: FlaskClient) -> None:
    with transaction() as db:
        accounts.create(db, email="max@example.org", name="Max", password=PASSWORD, now=utcnow())
    maxs = app.test_client()
    assert log_in(maxs, email="max@example.org").status_code == 303
    with transaction() as db:
        whose = select(StaffSession.id).join(Staff, Staff.id == StaffSession.staff_id)
        theirs = db.scalars(whose.where(Staff.email == "max@example.org")).one()
    assert act(client, f"/sessions/{theirs}/end").status_code == 404
    assert act(client, "/sessions/end-others").status_code == 303
    assert is_in(maxs)


def test_the_others_end_together(app: Flask, client: FlaskClient) -> None:
    others = [app.test_client() for _ in range(3)]
    for other in others:
        assert log_in(other).status_code == 303
    assert act(client, "/sessions/end-others").status_code == 303
    assert [is_in(other) for other in others] == [False] * 3
    assert is_in(client)


def test_old_sessions_go(client: FlaskClient) -> None:
    with transaction() as db:
        db.execute(update(StaffSession).values(opened_at=utcnow() - sessions.LONGEST))
        assert db.scalar(select(func.count()).select_from(StaffSession).where(*sessions.over(utcnow()))) == 1


# -- guesses -----------------------------------------------------------------------------


def tries(app: Flask, address: str, email: str = EMAIL, password: str = WRONG) -> TestResponse:
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return log_in(client, password, email=email)


def test_a_network_of_ipv6_is_one(app: Flask, lea: UUID) -> None:
    """Twenty-four logins, each from another address of one /64, and to another account."""
    most = login_limits.NETWORK[0]
    answers = [
        tries(app, f"2001:db8:1:2::{n:x}", f"inconnu{n}@example.org").status_code for n in range(most + 4)
    ]
    assert answers == [422] * most + [429] * 4
    assert tries(app, "2001:db8:1:3::1", "inconnu@example.org").status_code == 422


def test_an_account_is_guessed_slowly_from_however_many_networks(app: Flask, lea: UUID) -> None:
    most, every = login_limits.ACCOUNT
    with travelling(utcnow(), tick=False) as clock:
        answers = [tries(app, f"198.51.{n}.7") for n in range(most + 1)]
        assert [answer.status_code for answer in answers] == [422] * most + [429]
        assert 0 < int(answers[-1].headers["Retry-After"]) <= every.total_seconds()
        assert "Trop d’essais" in answers[-1].text
        clock.shift(every)
        assert tries(app, "198.51.100.7").status_code == 422
        assert tries(app, "198.51.101.7").status_code == 429
        assert tries(app, "198.51.101.7", "max@example.org").status_code == 422  # another account


def test_nobody_is_locked_out(app: Flask, known: FlaskClient) -> None:
    """However long strangers go on, a browser that has logged in before gets in; others wait a minute."""
    every = login_limits.ACCOUNT[1]
    with travelling(utcnow(), tick=False) as clock:
        for n in range(60):
            tries(app, f"198.51.{n}.7")
        assert tries(app, "203.0.113.9", password=PASSWORD).status_code == 429
        for n in range(20):  # nor from her own network
            tries(app, "127.0.0.1", f"inconnu{n}@example.org")
        assert log_in(known).status_code == 303
        clock.shift(every)
        assert tries(app, "203.0.113.9", password=PASSWORD).status_code == 303


def test_a_browser_that_has_logged_in_is_slowed_down_too(app: Flask, known: FlaskClient) -> None:
    most = login_limits.DEVICE[0]
    answers = [log_in(known, WRONG).status_code for _ in range(most + 1)]
    assert answers == [422] * most + [429]


def test_a_device_is_known_for_its_account_alone(app: Flask, known: FlaskClient) -> None:
    for n in range(login_limits.ACCOUNT[0]):
        tries(app, f"198.51.{n}.7", "max@example.org")
    assert log_in(known, WRONG, email="max@example.org").status_code == 429


def test_logging_in_rightly_takes_no_place(app: Flask, lea: UUID) -> None:
    for _ in range(login_limits.NETWORK[0] + 5):
        assert tries(app, "192.0.2.1", password=PASSWORD).status_code == 303


@pytest.mark.parametrize(
    "forwarded",
    [
        "203.0.113.7:4711",
        "[2001:db8::7]:4711",
        "unknown",
        "_hidden",
        "203.0.113.7;x",
        "é",
        "999.1.1.1",
        ":",
        "",
    ],
)
def test_an_address_with_a_port_switches_no_limit_off(
    app: Flask, lea: UUID, forwarded: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor any other thing a proxy may write; and no log prints it."""
    most = login_limits.NETWORK[0]
    answers = [tries(app, forwarded, f"a{n}@example.org").status_code for n in range(most + 1)]
    assert answers == [422] * most + [429]
    form = [app.test_client().post("/rights", data={"email": "x"}, environ_base={"REMOTE_ADDR": forwarded})
            for _ in range(11)]  # fmt: skip
    assert [answer.status_code for answer in form] == [422] * 10 + [429]
    printed = "".join(capfd.readouterr())
    assert "203.0.113.7" not in printed
    assert "2001:db8::7" not in printed


@pytest.fixture
def without_redis(settings: Settings) -> Flask:
    """The site, whose Redis nobody answers for."""
    away = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}/0"})
    app = create_app(away)
    app.testing = True
    return app


def test_without_redis_each_process_counts_by_itself(without_redis: Flask) -> None:
    asks = [without_redis.test_client().post("/rights", data={"email": "x"}) for _ in range(11)]
    assert [answer.status_code for answer in asks] == [422] * 10 + [429]


def test_without_redis_guesses_are_counted_all_the_same(lea: UUID, without_redis: Flask) -> None:
    most = login_limits.ACCOUNT[0]
    answers = [tries(without_redis, f"198.51.{n}.7").status_code for n in range(most + 1)]
    assert answers == [422] * most + [429]


def test_what_cannot_be_counted_is_refused(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong while counting: nobody is let through uncounted."""

    def broken(*_: object, **__: object) -> bool:
        raise RuntimeError

    monkeypatch.setattr(limiter.limiter, "hit", broken)
    monkeypatch.setattr(limiter._fallback_limiter, "hit", broken)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    assert app.test_client().post("/rights", data={"email": "x"}).status_code == 500


# -- hashing -----------------------------------------------------------------------------


class SlowHasher(PasswordHasher):
    """Hashes when it is let; how many do at a time."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.go, self.lock = threading.Event(), threading.Lock()
        self.inside = self.most = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        assert self.go.wait(PATIENCE)
        with self.lock:
            self.inside -= 1
        return super().verify(hash, password)


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowHasher]:
    slow = SlowHasher()
    monkeypatch.setattr(passwords, "_hasher", slow)
    monkeypatch.setattr(passwords, "PATIENCE", PATIENCE)
    yield slow
    slow.go.set()


def test_parallel_logins_hold_a_few_threads_and_no_connection(
    app: Flask, lea: UUID, hasher: SlowHasher
) -> None:
    """The others are told to come back at once; pages go on, and nothing is counted against anybody."""
    passwords._nobody()
    with ThreadPoolExecutor(12) as pool:
        pending = [pool.submit(tries, app, f"198.51.{n}.7", password=PASSWORD) for n in range(8)]
        deadline = time.monotonic() + PATIENCE
        while sum(each.done() for each in pending) < 8 - 1 - passwords.WAITING:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        told = [each.result() for each in pending if each.done()]
        assert {answer.status_code for answer in told} == {503}
        assert all(answer.headers["Retry-After"] for answer in told)
        assert app.test_client().get("/login").status_code == 200
        assert engine().pool.status().count("Current Checked out connections: 0") == 1
        hasher.go.set()
        statuses = sorted(each.result().status_code for each in pending)
    assert statuses == [303] * (1 + passwords.WAITING) + [503] * (7 - passwords.WAITING)
    assert hasher.most == 1
    assert tries(app, "198.51.100.9", password=PASSWORD).status_code == 303


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_database_that_cannot_be_asked_who_this_is_is_said_on_a_page(
    client: FlaskClient, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page of what went wrong asks nobody's name; a file that is sent asks before anything else does."""
    dead = create_engine(f"postgresql+psycopg://u:p@127.0.0.1:{free_port()}/x")
    with monkeypatch.context() as away:
        away.setattr("mailer.core.db.engine", lambda: dead)
        answer = client.open("/desk/people", method=method, headers=FRENCH)
    assert answer.status_code == 500
    assert "<html" in answer.text
    assert answer.headers["Content-Security-Policy"]
