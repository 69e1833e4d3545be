"""Delete somebody's mails from the mailbox of the published address."""

from mailer.core.imap import Mailbox
from mailer.privacy.mailbox import parse


def erase(mailbox: Mailbox, email: str) -> int:
    """Delete what they sent and was left to a person, and all that names them among what was dealt with.

    Return how many.  What still waits to be read is a request of its own.
    """
    left = set(mailbox.flagged()) & set(_naming(mailbox, email))
    sent = [uid for uid in sorted(left) if parse.read(mailbox.fetch(uid) or b"", ()).sender == email]
    mailbox.delete(sent)
    with mailbox.done():
        named = _naming(mailbox, email)
        mailbox.delete(named)
    return len(sent) + len(named)


def _naming(mailbox: Mailbox, email: str) -> list[int]:
    """Return the mails that hold this address anywhere, its domain as A-labels or as people write it."""
    local, _, domain = email.rpartition("@")
    spellings = {email, f"{local}@{domain.encode().decode('idna')}"}
    return sorted({uid for text in spellings for uid in mailbox.holding(text)})
