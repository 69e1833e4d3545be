"""Run a local mailbox: a real SMTP server that stores what it accepts in a folder.

python -m mailer.demo.mailbox --smtp PORT --http PORT --dir FOLDER
"""

import argparse
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from mailer.demo.mail_store import MailStore
from mailer.demo.mailbox_pages import serve


class StoreHandler:
    """Store each message that aiosmtpd receives."""

    def __init__(self, store: MailStore) -> None:
        self.store = store

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802, ARG002
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        for recipient in envelope.rcpt_tos:
            self.store.keep(envelope.mail_from or "", recipient, content)
        return "250 2.0.0 Kept"


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="mailer.demo.mailbox")
    parser.add_argument("--smtp", type=int, required=True)
    parser.add_argument("--http", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    arguments = parser.parse_args()
    store = MailStore(arguments.dir)
    controller = Controller(
        StoreHandler(store), hostname="127.0.0.1", port=arguments.smtp, enable_SMTPUTF8=True
    )
    controller.start()
    serve(store, arguments.http)


if __name__ == "__main__":
    main()
