"""A mailbox instead of the Internet: a real SMTP server that keeps what it accepts, in a folder.

python -m mailer.demo.mailbox --smtp PORT --http PORT --dir FOLDER.  One file a message, as it came; one line
each in `index.jsonl`.
"""

import argparse
import email
import email.policy
import json
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


@dataclass(frozen=True)
class Entry:
    """What the list shows of a message."""

    number: int  # from 1
    at: str  # ISO 8601, UTC
    sender: str  # of the envelope
    recipient: str
    subject: str
    size: int  # bytes


class Store:
    """The folder; safe to read from other threads than the one that writes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._index = folder / "index.jsonl"
        self._entries = [Entry(**json.loads(line)) for line in self._lines()]
        self._lock = threading.Lock()

    def _lines(self) -> list[str]:
        return self._index.read_text(encoding="utf-8").splitlines() if self._index.exists() else []

    def keep(self, sender: str, recipient: str, content: bytes) -> None:
        """Write a message down."""
        subject = str(email.message_from_bytes(content[:20_000], policy=email.policy.default)["Subject"])
        with self._lock:
            number = len(self._entries) + 1
            at = datetime.now(UTC).isoformat(timespec="seconds")
            entry = Entry(number, at, sender, recipient, subject, len(content))
            self.path(number).write_bytes(content)
            with self._index.open("a", encoding="utf-8") as index:
                index.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
            self._entries.append(entry)

    def path(self, number: int) -> Path:
        return self.folder / f"{number:07d}.eml"

    def entries(self, words: str = "") -> list[Entry]:
        """The newest first; only those whose recipient or subject holds the words."""
        wanted = words.casefold().strip()
        found = [e for e in self._entries if not wanted or wanted in f"{e.recipient} {e.subject}".casefold()]
        return found[::-1]

    def entry(self, number: int) -> Entry | None:
        return self._entries[number - 1] if 1 <= number <= len(self._entries) else None

    def message(self, number: int) -> EmailMessage:
        return email.message_from_bytes(self.path(number).read_bytes(), policy=email.policy.default)


class Inlet:
    """What aiosmtpd asks of us."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802, ARG002
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        for recipient in envelope.rcpt_tos:
            self.store.keep(envelope.mail_from or "", recipient, content)
        return "250 2.0.0 Kept"


def main() -> None:
    """Serve until told to stop."""
    from mailer.demo.reading import serve  # noqa: PLC0415 -- the tests of the store need no web

    parser = argparse.ArgumentParser(prog="mailer.demo.mailbox")
    parser.add_argument("--smtp", type=int, required=True)
    parser.add_argument("--http", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    given = parser.parse_args()
    store = Store(given.dir)
    controller = Controller(Inlet(store), hostname="127.0.0.1", port=given.smtp, enable_SMTPUTF8=True)
    controller.start()
    serve(store, given.http)


if __name__ == "__main__":
    main()
