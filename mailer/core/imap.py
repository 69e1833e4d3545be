"""Use a mailbox's INBOX as a queue, over IMAP (RFC 3501).

Mails neither flagged nor deleted there are to be read.  Those that were handled are moved to a folder of
ours, where they stay for a while; those a person must look at stay, flagged.  Whether somebody opened a mail
in another program changes nothing.
"""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from mailer.core import hold_reasons
from mailer.core.endpoint import Endpoint
from mailer.core.hold_reasons import HoldReason

TIMEOUT = 10.0  # seconds
LARGEST = 1_000_000  # bytes of a mail that are read
DONE = "mailer-done"  # the folder, unless the URL says ?done=

logging.getLogger("imapclient").setLevel(logging.ERROR)  # what it says below that quotes mails


class MailboxDown(Exception):
    """Say that the mailbox could not be read: what was not done yet is done at the next try."""


@contextmanager
def opened(url: str) -> Iterator["Mailbox"]:
    """Open a session with imaps://user:password@host/INBOX; ?done=FOLDER, ?tls=none, ?ca=FILE.

    TLS is required and verified, but on loopback.  Raises MailboxDown, inside the session too.
    """
    server = Endpoint.read(url, port=143, tls_port=993)
    with _explained(server.host), _connected(server) as client:
        if not server.implicit_tls and not server.plain:
            client.starttls(server.tls)
        client.plain_login(server.user or "", server.password or "")
        yield Mailbox(client, server.path or "INBOX", server.options.get("done", DONE))


class Mailbox:
    """Hold one session with the mailbox.  Mails are named by UID."""

    def __init__(self, client: Any, inbox: str, done: str) -> None:
        self._client, self._inbox, self._done = client, inbox, done
        client.select_folder(inbox)

    def waiting(self) -> list[int]:
        """Return the mails to be read, the oldest first."""
        return self.search("UNFLAGGED", "UNDELETED")

    def flagged(self) -> list[int]:
        """Return the mails left to a person."""
        return self.search("FLAGGED", "UNDELETED")

    def holding(self, text: str) -> list[int]:
        """Return the mails of the open folder that hold this text, however it is encoded."""
        return self.search("TEXT", text)

    def search(self, *criteria: str | date) -> list[int]:
        """Return the mails of the open folder that meet all of these (RFC 3501, 6.4.4)."""
        return sorted(self._client.search(criteria, "UTF-8"))

    def fetch(self, uid: int) -> bytes | None:
        """Return the first LARGEST bytes of a mail, without marking it as read; None if it has gone."""
        answer = self._client.fetch([uid], [f"BODY.PEEK[]<0.{LARGEST}>"])
        body: bytes | None = answer.get(uid, {}).get(b"BODY[]<0>")
        return body

    def flag(self, uid: int) -> None:
        """Leave it to a person."""
        self._client.add_flags([uid], r"\Flagged", silent=True)

    def put_away(self, uid: int) -> None:
        """Move a mail that was handled to our folder.  One that has gone meanwhile is no error."""
        self._create_done()
        if self._client.has_capability("MOVE"):
            self._client.move([uid], self._done)
        elif self.search("UID", str(uid)):
            self._client.copy([uid], self._done)
            self.delete([uid])

    def forget(self, before: date) -> int:
        """Delete the mails of our folder that arrived before that day; return how many."""
        with self.done():
            old = self.search("BEFORE", before)
            self.delete(old)
        return len(old)

    @contextmanager
    def done(self) -> Iterator[None]:
        """Have our folder open, instead of the INBOX."""
        self._create_done()
        self._client.select_folder(self._done)
        try:
            yield
        finally:
            self._client.select_folder(self._inbox)

    def delete(self, uids: Collection[int]) -> None:
        """Delete these mails of the open folder, for good."""
        for uid in uids:
            self._client.delete_messages([uid], silent=True)
            if self._client.has_capability("UIDPLUS"):
                self._client.uid_expunge([uid])
        if uids and not self._client.has_capability("UIDPLUS"):
            self._client.expunge()

    def _create_done(self) -> None:
        with suppress(IMAPClientError):  # it mostly exists already; if it does not, what needs it says so
            self._client.create_folder(self._done)


def _connected(server: Endpoint) -> Any:
    tls = server.tls if server.implicit_tls else None
    return IMAPClient(
        server.host, server.port, ssl=server.implicit_tls, ssl_context=tls, timeout=TIMEOUT
    )  # fmt: skip


@contextmanager
def _explained(host: str) -> Iterator[None]:
    """Tell only the kind of failure: what a server says may quote a mail."""
    try:
        yield
    except (OSError, IMAPClientError) as error:
        raise MailboxDown(f"{_reason(error)}: {host}") from None


def _reason(error: OSError | IMAPClientError) -> HoldReason:
    if isinstance(error, LoginError):
        return HoldReason.LOGIN_REFUSED
    if isinstance(error, OSError):
        return hold_reasons.of_connection(error)
    return HoldReason.TURNED_AWAY
