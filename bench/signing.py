"""Make letter workers sign with DKIM, and prove that they do: one letter is received and read."""

from pathlib import Path

from aiosmtpd.controller import Controller

from bench import sending
from bench.services import Services
from mailer.core.embedded import free_port
from mailer.demo.mail_store import MailStore
from mailer.demo.mailbox import StoreHandler
from mailer.smtp import dkim

SELECTOR = "bench"
SLUG = "signed"


class Unsigned(Exception):
    """A letter left without a signature although a key is configured."""


def environment(folder: Path) -> dict[str, str]:
    """A fresh RSA-2048 key, as MAILER_DKIM_KEY_FILE and MAILER_DKIM_SELECTOR name it."""
    file = folder / "dkim.pem"
    file.touch(mode=0o600)
    file.write_bytes(dkim.new_key())
    return {"MAILER_DKIM_KEY_FILE": str(file), "MAILER_DKIM_SELECTOR": SELECTOR}


def prove(services: Services, env: dict[str, str]) -> None:
    """Send one letter in this environment to a relay that keeps it.  Raises Unsigned, Stalled."""
    store, port = MailStore(services.folder / "kept"), free_port()
    controller = Controller(StoreHandler(store), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with services.letters(env | {"MAILER_RELAY_URL": f"smtp://127.0.0.1:{port}"}) as workers:
            issue_id = sending.draft(SLUG)
            sending.schedule(services, issue_id)
            sending.wait_closed(issue_id, workers, lambda: len(store.entries()), 1, "looking at a signature")
    finally:
        controller.stop()
    if not store.path(1).read_bytes().startswith(b"DKIM-Signature:"):
        raise Unsigned("a letter left unsigned although MAILER_DKIM_KEY_FILE is set")
