"""Keep the mails that the local mailbox accepted: a file each, and a line each in
`index.jsonl`.
"""

import email
import email.policy
import json
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path


@dataclass(frozen=True)
class MailEntry:
    """Hold what the list shows of a message."""

    number: int  # from 1
    at: str  # ISO 8601, UTC
    sender: str  # of the envelope
    recipient: str
    subject: str
    size: int  # bytes


class MailStore:
    """Store mails in a folder; safe to read from other threads than the one that writes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._index = folder / "index.jsonl"
        self._entries = [MailEntry(**json.loads(line)) for line in self._lines()]
        self._lock = threading.Lock()

    def _lines(self) -> list[str]:
        return self._index.read_text(encoding="utf-8").splitlines() if self._index.exists() else []

    def keep(self, sender: str, recipient: str, content: bytes) -> None:
        """Store a message."""
        subject = str(email.message_from_bytes(content[:20_000], policy=email.policy.default)["Subject"])
        with self._lock:
            number = len(self._entries) + 1
            at = datetime.now(UTC).isoformat(timespec="seconds")
            entry = MailEntry(number, at, sender, recipient, subject, len(content))
            self.path(number).write_bytes(content)
            with self._index.open("a", encoding="utf-8") as index:
                index.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
            self._entries.append(entry)

    def path(self, number: int) -> Path:
        return self.folder / f"{number:07d}.eml"

    def entries(self, words: str = "") -> list[MailEntry]:
        """Return the newest first; only those whose recipient or subject holds the words."""
        wanted = words.casefold().strip()
        matching = [
            e for e in self._entries if not wanted or wanted in f"{e.recipient} {e.subject}".casefold()
        ]
        return matching[::-1]

    def entry(self, number: int) -> MailEntry | None:
        return self._entries[number - 1] if 1 <= number <= len(self._entries) else None

    def message(self, number: int) -> EmailMessage:
        return email.message_from_bytes(self.path(number).read_bytes(), policy=email.policy.default)
