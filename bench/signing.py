"""The environment in which letter workers sign, and the proof that they do: one letter, received and read."""

from pathlib import Path

from aiosmtpd.controller import Controller

from bench import path
from bench.house import House
from mailer.core.embedded import free_port
from mailer.demo.mail_store import Store
from mailer.demo.mailbox import Inlet
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


def prove(house: House, env: dict[str, str]) -> None:
    """Send one letter in this environment to a relay that keeps it.  Raises Unsigned, Stalled."""
    store, port = Store(house.folder / "kept"), free_port()
    controller = Controller(Inlet(store), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with house.letters(env | {"MAILER_RELAY_URL": f"smtp://127.0.0.1:{port}"}) as workers:
            issue_id = path.draft(SLUG)
            path.schedule(house, issue_id)
            path.wait_closed(issue_id, workers, lambda: len(store.entries()), 1, "looking at a signature")
    finally:
        controller.stop()
    if not store.path(1).read_bytes().startswith(b"DKIM-Signature:"):
        raise Unsigned("a letter left unsigned although MAILER_DKIM_KEY_FILE is set")
