"""The way to one's rights: the same answer for everybody, a link to the mailbox, a short session."""

import re
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from mailer import tasks
from mailer.core import jobs, tokens
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.logging import scrub
from mailer.core.settings import settings
from mailer.core.tokens import Purpose
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import access_links, register
from mailer.privacy.models import Channel, Right, RightsIntake, RightsLink, RightsRequest
from mailer.privacy.rights import rectification
from mailer.subscribers import subscriptions
from mailer.subscribers.models import Subscriber, Suppression, SuppressionReason
from tests.integration.web.test_strangers import statements
from tests.support.make import make_newsletter, make_pending
from tests.support.notices import send_due
from tests.support.rights_links import a_link
from tests.support.sink import running_sink
from tests.support.travel import travelling

FRENCH = {"Accept-Language": "fr"}
ZOE = "zoe@example.org"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    with transaction() as db:
        pending = make_pending(db, make_newsletter(db), email=ZOE, name="Zoé", now=utcnow())
        subscriptions.confirm(db, pending.id, now=utcnow())
    return app.test_client()


@pytest.fixture
def stranger(client: FlaskClient, app: Flask) -> FlaskClient:
    return app.test_client(use_cookies=False)


def ask(client: FlaskClient, email: str) -> tuple[int, str]:
    answer = client.post("/rights", data={"email": email}, headers=FRENCH)
    return answer.status_code, answer.headers.get("Location", "")


def posted() -> list[tuple[str | None, NoticeKind]]:
    with transaction() as db:
        rows = db.execute(select(Notice.email, Notice.kind).order_by(Notice.created_at))
        return [(email, kind) for email, kind in rows]


def test_every_address_is_answered_the_same_and_told_what_is_true(stranger: FlaskClient) -> None:
    with transaction() as db:
        mark = fingerprint_of("gone@example.org")
        db.add(Suppression(fingerprint=mark, reason=SuppressionReason.ERASED, at=utcnow()))
    for email in (" Zoe@Example.org", "gone@example.org", "unknown@example.org"):
        assert ask(stranger, email) == (303, "/rights/check-your-mail")
    tasks.signups()
    assert posted() == [
        (ZOE, NoticeKind.RIGHTS), ("gone@example.org", NoticeKind.RIGHTS),
        ("unknown@example.org", NoticeKind.NOTHING_HELD),
    ]  # fmt: skip
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(RightsIntake)) == 0


def test_nothing_tells_who_is_known(stranger: FlaskClient) -> None:
    seen = set()
    for email in (ZOE, "abc@example.org"):
        with statements() as said:
            answer = stranger.post("/rights", data={"email": email}, headers=FRENCH)
            page = stranger.get(answer.headers["Location"])
        seen.add((answer.status_code, answer.data, str(answer.headers), tuple(said), page.data))
    assert len(seen) == 1


def test_three_links_a_day_that_all_open_and_one_nothing_held(stranger: FlaskClient) -> None:
    for _ in range(5):
        ask(stranger, ZOE)
        ask(stranger, "z.o+e@example.com")
    tasks.signups()
    kinds = [kind for _, kind in posted()]
    assert kinds.count(NoticeKind.RIGHTS) == 3
    assert kinds.count(NoticeKind.NOTHING_HELD) == 1
    with transaction() as db:
        alive = db.scalars(select(RightsLink.id)).all()
    for link_id in alive:
        token = tokens.issue(Purpose.RIGHTS, link_id.hex)
        assert stranger.post(f"/rights/{token}").status_code == 303


def test_strangers_wait_when_too_many_come(stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_links, "UNKNOWN_AN_HOUR", 2)
    now = utcnow()
    for number in range(4):
        ask(stranger, f"reader{number}@example.net")
    ask(stranger, ZOE)
    tasks.signups()
    assert [kind for _, kind in posted()].count(NoticeKind.NOTHING_HELD) == 2
    assert (ZOE, NoticeKind.RIGHTS) in posted()
    with transaction() as db:
        left = db.scalars(select(RightsIntake.due_at)).all()
        assert len(left) == 2
        assert all(due > now + timedelta(minutes=59) for due in left)


def test_looking_uses_nothing_up_and_names_nobody(client: FlaskClient, stranger: FlaskClient) -> None:
    link = a_link(ZOE)
    for _ in range(3):
        page = stranger.get(link, headers=FRENCH)
        assert (page.status_code, stranger.head(link).status_code) == (200, 200)
        assert "zoe" not in page.text.lower()
        assert "Set-Cookie" not in page.headers
    assert client.post(link).status_code == 303
    assert client.get("/rights/yours", headers=FRENCH).status_code == 200


@pytest.mark.parametrize(
    ("chosen", "page", "expected"), [("en", "fr", "en"), ("fr", "en", "fr"), (None, "en", "en")]
)
def test_a_reader_s_own_language_wins_over_the_page_s(
    client: FlaskClient, chosen: str | None, page: str, expected: str
) -> None:
    email = ZOE if chosen else "unknown@example.org"
    with transaction() as db:
        db.execute(update(Subscriber).values(locale=chosen or "fr"))
    client.post("/rights", data={"email": email}, headers={"Accept-Language": page})
    jobs.run(tasks.FORMS)
    with transaction() as db:
        assert db.scalars(select(Notice.locale).where(Notice.email == email)).all() == [expected]


def test_after_choosing_english_what_was_under_way_is_in_english_too(client: FlaskClient) -> None:
    with transaction() as db:
        case = register.open(
            db, right=Right.ACCESS, channel=Channel.POST, email=ZOE, locale="fr", now=utcnow(), receipt=False
        )
        link_id, case_id = access_links.send(db, email=ZOE, locale="fr", now=utcnow()), case.id
        link, zoe = db.get_one(RightsLink, link_id), db.scalars(select(Subscriber)).one()
        assert rectification.correct(db, link, zoe, name=zoe.name, locale="en", now=utcnow())
    with transaction() as db:
        assert db.get_one(RightsRequest, case_id).locale == "en"
        assert db.get_one(RightsLink, link_id).locale == "en"


def test_the_mail_holds_the_link_and_no_address(client: FlaskClient) -> None:
    ask(client, ZOE)
    with running_sink() as sink:
        jobs.run(tasks.FORMS)
        send_due(settings().model_copy(update={"relay_url": sink.url}))
        (mail,) = sink.mails()
    text, html = (str(part.get_content()) for part in mail.iter_parts())
    links_in = {re.search(r"/rights/[\w.-]{40,}", said)[0] for said in (text, html)}  # type: ignore[index]
    assert len(links_in) == 1
    assert ZOE not in text + html
    assert client.post(links_in.pop()).status_code == 303
    assert ZOE in client.get("/rights/yours").text


def test_a_link_opens_one_session_with_one_cookie(client: FlaskClient, stranger: FlaskClient) -> None:
    link = a_link(ZOE)
    answer = client.post(link, headers=FRENCH)
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 1
    assert cookies[0].startswith("rights=")
    for part in ("HttpOnly", "SameSite=Strict", "Path=/rights", "Max-Age=1800"):
        assert part in cookies[0]
    home = client.get("/rights/yours", headers=FRENCH)
    assert ZOE in home.text
    assert "Set-Cookie" not in home.headers
    for name, value in (
        ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"), ("X-Robots-Tag", "noindex"),
    ):  # fmt: skip
        assert home.headers[name] == value == client.get(link).headers[name]
    for again in (stranger.post(link, headers=FRENCH), stranger.get(link, headers=FRENCH)):
        assert again.status_code == 410
        assert 'href="/rights"' in again.text
    assert stranger.get("/rights/yours").status_code == 410
    with transaction() as db:
        kept = db.scalars(select(RightsLink.session_digest)).one()
        assert kept
        assert kept.hex() not in cookies[0]


def test_the_cookie_is_secure_where_the_site_is(app: Flask, client: FlaskClient,
                                                monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    given = settings().model_copy(update={"public_url": "https://letters.example.org"})
    monkeypatch.setattr("mailer.web.public.rights.entry.settings", lambda: given)
    assert "Secure" in client.post(a_link(ZOE)).headers["Set-Cookie"]


def test_a_link_and_a_session_last_half_an_hour(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    used, unused = a_link(ZOE), a_link(ZOE)
    client.post(used)
    with transaction() as db:
        for link in db.scalars(select(RightsLink).where(RightsLink.session_until.is_not(None))):
            assert link.session_until == (link.used_at or utcnow()) + timedelta(minutes=30)
            link.session_until = utcnow()
    assert client.get("/rights/yours").status_code == 410
    monkeypatch.setattr(access_links, "OPEN_FOR", timedelta(seconds=-1))
    assert client.get(unused).status_code == client.post(unused).status_code == 410


def test_a_link_forged_or_cut_is_over(client: FlaskClient) -> None:
    good = a_link(ZOE)
    for link in (good[:-4], "/rights/nonsense", good.replace("/rights/", "/preferences/")):
        assert client.get(link).status_code == 410


def test_a_session_is_closed_by_hand(client: FlaskClient) -> None:
    client.post(a_link(ZOE))
    cookie = client.get_cookie("rights", path="/rights")
    assert cookie
    form = {"form_token": access_links.form_token(cookie.value)}
    assert client.post("/rights/yours/close", data=form).status_code == 303
    client.set_cookie("rights", cookie.value, path="/rights")
    assert client.get("/rights/yours").status_code == 410


def test_a_form_of_another_site_is_refused(client: FlaskClient) -> None:
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/rights", data={"email": ZOE}, headers=elsewhere).status_code == 400
    assert client.post(a_link(ZOE), headers=elsewhere).status_code == 400


def test_what_opened_something_is_forgotten_a_day_later(client: FlaskClient) -> None:
    client.post(a_link(ZOE))
    a_link(ZOE)
    with transaction() as db:
        access_links.forget(db, now=utcnow() + timedelta(hours=23))
        assert db.scalar(select(func.count()).select_from(RightsLink)) == 2
        access_links.forget(db, now=utcnow() + timedelta(hours=25))
        assert db.scalar(select(func.count()).select_from(RightsLink)) == 0
        assert db.scalar(select(func.count()).select_from(Subscriber)) == 1


def test_no_log_holds_the_token() -> None:
    token = tokens.issue(Purpose.RIGHTS, "0" * 32)
    assert token not in scrub(f"GET /rights/{token} 200")
    assert "/rights/[token]" in scrub(f"GET /rights/{token} 200")


def test_a_fault_is_told_and_nothing_typed_is_lost(stranger: FlaskClient) -> None:
    answer = stranger.post("/rights", data={"email": "zoe@"}, headers=FRENCH)
    assert answer.status_code == 422
    assert 'value="zoe@"' in answer.text
    assert "n’est pas complète" in answer.text


def asked(times: int, *, now: datetime) -> list[str]:
    """The paths of the links that leave when so many are asked for, by whomever."""
    with travelling(now, tick=False):
        with transaction() as db:
            known = set(db.scalars(select(RightsLink.id)))
            for _ in range(times):
                access_links.request(db, email=ZOE, locale="fr", now=now)
        jobs.run(tasks.FORMS)
        with transaction() as db:
            fresh = [link for link in db.scalars(select(RightsLink.id)) if link not in known]
        return [access_links.PATH + tokens.issue(Purpose.RIGHTS, link.hex) for link in fresh]


def opens(stranger: FlaskClient, links: list[str], *, now: datetime) -> list[bool]:
    with travelling(now, tick=False):
        return [stranger.get(link).status_code == 200 for link in links]


def test_whoever_asks_in_anothers_name_never_keeps_them_out(stranger: FlaskClient) -> None:
    """All the links there are, asked for day after day: at every hour there is a way in, and no flood."""
    begun, links = utcnow(), list[str]()
    for hour in range(72):
        now = begun + timedelta(hours=hour)
        links += asked(4, now=now)
        for minutes in (10, 50):
            assert any(opens(stranger, links, now=now + timedelta(minutes=minutes))), (hour, minutes)
    assert len(links) <= 3 + 3 * 3


def test_only_the_last_link_lasts(stranger: FlaskClient) -> None:
    begun = utcnow()
    links = asked(4, now=begun)
    assert len(links) == 3
    assert opens(stranger, links, now=begun + timedelta(minutes=20)) == [True] * 3
    assert sorted(opens(stranger, links, now=begun + timedelta(hours=7))) == [False, False, True]
    later = begun + timedelta(hours=8, minutes=1)
    assert opens(stranger, links, now=later) == [False] * 3
    assert len(asked(4, now=later)) == 1  # another may leave now


def test_the_mail_says_how_long_the_last_link_lasts(client: FlaskClient) -> None:
    for _ in range(3):
        ask(client, ZOE)
    with running_sink() as sink:
        jobs.run(tasks.FORMS)
        send_due(settings().model_copy(update={"relay_url": sink.url}))
        parts = [mail.get_body(("plain",)) for mail in sink.mails()]
    said = [" ".join(part.get_content().split()) for part in parts if part]
    assert ["est valable une demi-heure" in each for each in said].count(True) == 2
    assert sum("est valable jusqu’au" in each and " à " in each for each in said) == 1


def test_a_used_link_gives_its_place_back(client: FlaskClient) -> None:
    now = utcnow()
    for number in range(8):
        at = now + timedelta(minutes=number)
        (link,) = asked(1, now=at)
        with travelling(at, tick=False):
            assert client.post(link).status_code == 303, number
