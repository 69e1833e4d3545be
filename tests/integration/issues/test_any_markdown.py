"""Any Markdown that is not refused reaches the mail, the archive and the feed whole."""

import html
import re
from email import message_from_bytes, policy
from uuid import UUID
from xml.etree import ElementTree

from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings, settings
from mailer.delivery import audience, load_issue
from mailer.issues import lifecycle
from mailer.issues.blocks import Content
from mailer.rendering import links
from tests.support.any_markdown import TEXTS, words
from tests.support.make import make_newsletter

RAW = re.compile(r"\{\{|\}\}|\]\(|[\ue000-\uf8ff]")
FIELDS = '{{ greeting }} voici, {{ name | "cher lecteur" }}, la lettre'
BEGINS, ENDS = "DEBUT", "FIN"


def content_of(text: str) -> Content:
    blocks = [
        {"kind": "heading", "text": f"{BEGINS} pour {{{{ name | 'vous' }}}}"},
        {"kind": "text", "text": f"commence\n\n{text}\n\n"},
        {"kind": "heading", "text": ENDS},
        {"kind": "colophon", "lines": [{"role": "Direction", "names": "Léa"}]},
    ]
    values = {"newsletter": "lettre", "title": "t", "subject": FIELDS, "preheader": FIELDS, "blocks": blocks}
    return Content.model_validate(values)


def published(text: str) -> tuple[UUID, bytes]:
    """An issue whose send has begun, and its message to Camille Dupont."""
    now = utcnow()
    with transaction() as db:
        found = lifecycle.import_issue(db, content_of(text), {}, now=now)
        lifecycle.schedule(db, found, due_at=now, approver="terminal", now=now, settings=settings())
        assert audience.freeze(db, found.id, now=now)
        page = lifecycle.rendered(db, found, settings())
        return found.id, load_issue.sample(found, page, settings(), now=now)


def part_of(message: bytes, kind: str) -> str:
    body = message_from_bytes(message, policy=policy.default).get_body((kind,))
    assert body
    return str(body.get_content())


def shown(page: str) -> str:
    inline = re.sub(r"</?(?:em|strong|code|a)\b[^>]*>", "", re.sub(r"(?s)<style.*?</style>", "", page))
    return html.unescape(re.sub(r"(?s)<[^>]*>", " ", inline))


def between(text: str) -> list[str]:
    """The author's words, without the addresses that stand after those of links."""
    own = text.split(BEGINS, 1)[1].rsplit(ENDS, 1)[0].partition("commence")[2]
    return words(re.sub(r"\s*<(?:https?|mailto|tel):[^<>]*>", "", own))


@hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(TEXTS)
def test_from_the_author_to_the_mail_the_archive_and_the_feed(
    app: Flask, clean: None, text: tuple[str, list[str]]
) -> None:
    source, expected = text
    client = app.test_client(use_cookies=False)
    with transaction() as db:
        if client.get("/lettre/feed.atom").status_code == 404:
            make_newsletter(db)
    issue_id, message = published(source)
    archive = client.get(f"/lettre/issues/{issue_id}", headers={"Accept-Language": "fr"}).text
    feed = client.get("/lettre/feed.atom").text
    mail_page, mail_text = part_of(message, "html"), part_of(message, "plain")
    mine = [word.replace("lecteur", "Camille Dupont") for word in expected]
    assert between(shown(mail_page)) == between(mail_text) == words(" ".join(mine))
    assert between(shown(archive)) == expected
    assert f"{BEGINS} pour vous" in shown(archive)
    summary = ElementTree.fromstring(feed).findtext(".//{*}entry/{*}summary")  # noqa: S314
    assert summary == "Bonjour, voici, cher lecteur, la lettre"
    for part in (shown(mail_page), mail_text, shown(archive), feed):
        assert not RAW.search(part)
    addresses = re.findall(r'href="([^"]*)"', mail_page) + re.findall(r"<([a-z]+:[^<>\s]*)>", mail_text)
    assert [each for each in map(html.unescape, addresses) if links.fault(each)] == []


def test_a_subject_greets_by_name(app: Flask, clean: None, settings: Settings) -> None:
    with transaction() as db:
        make_newsletter(db)
    _, message = published("un mot")
    subject = message_from_bytes(message, policy=policy.default)["Subject"]
    assert subject == "Bonjour Camille Dupont, voici, Camille Dupont, la lettre"
