"""The mailbox of the published address, on a real Dovecot."""

import logging
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from mailer.core import imap
from mailer.core.imap import LARGEST, MailboxDown
from mailer.privacy.mailbox.erase import erase
from tests.support.dovecot import Dovecot, running_dovecot
from tests.unit.privacy.test_parse import mail


@pytest.fixture(scope="module", params=["", "IMAP4rev1"], ids=["dovecot", "the-bare-protocol"])
def server(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    with running_dovecot(request.param) as server:
        yield server


@pytest.fixture
def dovecot(server: Dovecot) -> Dovecot:
    server.empty()
    return server


def test_what_waits_is_read_and_left_as_it_was(dovecot: Dovecot) -> None:
    dovecot.deliver(mail("un"), mail("deux"))
    with imap.opened(dovecot.url) as mailbox:
        first, second = mailbox.waiting()
        assert b"un" in (mailbox.fetch(first) or b"")
        assert mailbox.fetch(second + 1) is None
        assert mailbox.search("UNSEEN") == mailbox.waiting() == [first, second]


def test_what_is_flagged_waits_no_more_and_what_is_put_away_has_gone(dovecot: Dovecot) -> None:
    dovecot.deliver(mail("un"), mail("deux"))
    with imap.opened(dovecot.url) as mailbox:
        first, second = mailbox.waiting()
        mailbox.flag(first)
        mailbox.put_away(second)
        mailbox.put_away(second)  # again, after a crash
        assert mailbox.waiting() == []
    [(kept, flagged)] = dovecot.holds()
    assert (b"un" in kept, flagged) == (True, True)
    [(away, _)] = dovecot.holds(imap.DONE)
    assert b"deux" in away


def test_what_was_put_away_is_forgotten_in_time(dovecot: Dovecot) -> None:
    dovecot.deliver(mail())
    today = date.today()
    with imap.opened(dovecot.url) as mailbox:
        mailbox.put_away(*mailbox.waiting())
        assert mailbox.forget(today + timedelta(days=-1)) == 0
        assert mailbox.forget(today + timedelta(days=2)) == 1
    assert dovecot.holds(imap.DONE) == []


def test_somebodys_mails_are_erased_and_nobody_elses(dovecot: Dovecot) -> None:
    theirs = "From: Zoé <Zoé+t@exämple.fr>\r\nSubject: Moi\r\n\r\nEffacez-moi\r\n".encode()
    named = mail("De la part de zoé+t@xn--exmple-cua.fr", From="b@example.org")
    dovecot.deliver(theirs, theirs, named, mail(From="c@example.org"), named)
    with imap.opened(dovecot.url) as mailbox:
        for uid in mailbox.waiting()[3:]:
            mailbox.put_away(uid)
        mailbox.flag(mailbox.waiting()[0])
        mailbox.flag(mailbox.waiting()[1])
        assert erase(mailbox, "zoé+t@xn--exmple-cua.fr") == 2
        assert len(mailbox.waiting()) == 1  # a new request of theirs
        assert len(mailbox.flagged()) == 1  # b's own mail, which a person must look at
    assert [b"c@example.org" in raw for raw, _ in dovecot.holds(imap.DONE)] == [True]


def test_what_is_said_with_the_server_stays_out_of_the_log(
    dovecot: Dovecot, caplog: pytest.LogCaptureFixture
) -> None:
    dovecot.deliver(mail("Effacez-moi"))
    caplog.set_level(logging.DEBUG)
    with imap.opened(dovecot.url) as mailbox:
        assert b"Effacez-moi" in (mailbox.fetch(*mailbox.waiting()) or b"")
    assert caplog.text == ""


def test_a_mail_of_any_size_costs_the_same(dovecot: Dovecot) -> None:
    dovecot.deliver(mail("Effacez-moi. " + "x\n" * LARGEST))
    with imap.opened(dovecot.url) as mailbox:
        assert len(mailbox.fetch(*mailbox.waiting()) or b"") == LARGEST


@pytest.mark.parametrize("url", ["imap://a:b@127.0.0.1:{port}/", "imaps://a:b@127.0.0.1:{port}/"])
def test_a_mailbox_that_cannot_be_opened_says_so_without_saying_whose(dovecot: Dovecot, url: str) -> None:
    with (
        pytest.raises(MailboxDown, match=r"^[a-z ]+: 127\.0\.0\.1$"),
        imap.opened(url.format(port=dovecot.port)),
    ):
        pass
