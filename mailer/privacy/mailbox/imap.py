"""The mailbox behind the published address, over IMAP (RFC 3501).

Its INBOX is the queue: what is neither flagged nor deleted there is to be read.  What has been dealt with is
moved to a folder of ours, where it stays for a while; what a person must look at stays, flagged.  Whether
somebody opened a mail in another program changes nothing.
"""

import imaplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from mailer.privacy.mailbox.parse import LARGEST, read
from mailer.smtp.relay import is_loopback

TIMEOUT = 10.0  # seconds
DONE = "mailer-done"  # the folder, unless the URL says ?done=
KEPT_FOR = timedelta(days=30)  # in it
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class InboxDown(Exception):
    """The mailbox could not be read: what was not done yet is done at the next try."""


@contextmanager
def opened(url: str) -> Iterator["Mailbox"]:
    """Open a session with imaps://user:password@host/INBOX; ?done=FOLDER, ?tls=none, ?ca=FILE.

    Raises InboxDown.

    TLS is required and verified, but on loopback.
    """
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    with _explained(parts.hostname or ""):
        client = _connected(parts.scheme, parts.hostname or "", parts.port, query)
        try:
            said = "\0".join(("", unquote(parts.username or ""), unquote(parts.password or ""))).encode()
            client.authenticate("PLAIN", lambda _: said)
            yield Mailbox(client, unquote(parts.path.strip("/")) or "INBOX", query.get("done", DONE))
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                client.logout()


class Mailbox:
    """One session with the mailbox."""

    def __init__(self, client: imaplib.IMAP4, inbox: str, done: str) -> None:
        self._client, self._inbox, self._done = client, _quoted(inbox), _quoted(done)
        self._offered = client.capability()[1][0].decode().split()  # once logged in: more than before
        self._select(self._inbox)

    def waiting(self) -> list[int]:
        """Return the mails to be read, by UID, the oldest first."""
        return self._search("UNFLAGGED", "UNDELETED")

    def flagged(self) -> list[int]:
        """Return the mails left to a person, by UID."""
        return self._search("FLAGGED", "UNDELETED")

    def fetch(self, uid: int) -> bytes | None:
        """Return the first LARGEST bytes of a mail, without marking it as read; None if it has gone."""
        answer = self._ask("FETCH", str(uid), f"(BODY.PEEK[]<0.{LARGEST}>)")
        return next((part[1] for part in answer if isinstance(part, tuple)), None)

    def flag(self, uid: int) -> None:
        """Leave it to a person."""
        self._ask("STORE", str(uid), "+FLAGS.SILENT", r"(\Flagged)")

    def put_away(self, uid: int) -> None:
        """Move a mail that has been dealt with.  One that has gone meanwhile is no error."""
        self._client.create(self._done)  # mostly exists already, which is answered with NO
        if "MOVE" in self._offered:
            self._ask("MOVE", str(uid), self._done)
        elif uid in self._search("UID", str(uid)):
            self._ask("COPY", str(uid), self._done)
            self._drop([uid])

    def forget(self, today: date) -> int:
        """Delete what has been in our folder for long enough; how many."""
        before = today - KEPT_FOR
        return self._empty("BEFORE", f"{before.day:02}-{_MONTHS[before.month - 1]}-{before.year}")

    def erase(self, email: str) -> int:
        """Delete what they sent and was left to a person, and all that names them in our folder; how many.

        What still waits to be read is a request of its own.
        """
        left = set(self.flagged()) & set(self._naming(email))
        sent = [uid for uid in sorted(left) if read(self.fetch(uid) or b"", ()).sender == email]
        self._drop(sent)
        with self._ours():
            named = self._naming(email)
            self._drop(named)
        return len(sent) + len(named)

    def _empty(self, *criteria: str) -> int:
        with self._ours():
            found = self._search(*criteria)
            self._drop(found)
        return len(found)

    @contextmanager
    def _ours(self) -> Iterator[None]:
        self._client.create(self._done)
        self._select(self._done)
        try:
            yield
        finally:
            self._select(self._inbox)

    def _select(self, folder: str) -> None:
        _accepted(self._client.select(folder))

    def _naming(self, email: str) -> list[int]:
        """Return the mails that hold this address anywhere, its domain as A-labels or as people write it."""
        local, _, domain = email.rpartition("@")
        spellings = {email, f"{local}@{domain.encode().decode('idna')}"}
        return sorted({uid for text in spellings for uid in self._holding(text)})

    def _holding(self, text: str) -> list[int]:
        """Return the mails that hold this text, however it is encoded."""
        self._client.literal = text.encode()  # type: ignore[assignment]  # imaplib's way to send UTF-8
        return self._search("CHARSET", "UTF-8", "TEXT")

    def _search(self, *criteria: str) -> list[int]:
        return [int(uid) for uid in (_first(self._ask("SEARCH", *criteria)) or b"").split()]

    def _drop(self, uids: Sequence[int]) -> None:
        for uid in uids:
            self._ask("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)")
            if "UIDPLUS" in self._offered:
                self._ask("EXPUNGE", str(uid))
        if uids and "UIDPLUS" not in self._offered:
            _accepted(self._client.expunge())

    def _ask(self, command: str, *words: str) -> list[Any]:
        return _accepted(self._client.uid(command, *words))


def _connected(scheme: str, host: str, port: int | None, query: dict[str, str]) -> imaplib.IMAP4:
    trusted = ssl.create_default_context(cafile=query.get("ca"))
    if scheme == "imaps":
        return imaplib.IMAP4_SSL(host, port or 993, ssl_context=trusted, timeout=TIMEOUT)
    client = imaplib.IMAP4(host, port or 143, timeout=TIMEOUT)
    if query.get("tls") != "none" and not is_loopback(host):
        client.starttls(trusted)
    return client


@contextmanager
def _explained(host: str) -> Iterator[None]:
    """Tell only the kind of failure: what a server says may quote a mail."""
    try:
        yield
    except (OSError, imaplib.IMAP4.error) as error:
        raise InboxDown(f"{host} ({type(error).__name__})") from error


def _accepted(answer: tuple[str, list[Any]]) -> list[Any]:
    status, data = answer
    if status != "OK":
        raise imaplib.IMAP4.error(status)
    return data


def _first(data: Sequence[Any] | None) -> bytes | None:
    return data[0] if data else None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
