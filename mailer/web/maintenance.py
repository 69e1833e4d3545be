"""A restored service shows nothing about people until what they asked for since the backup was replayed."""

import time

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue

from mailer.backup import current
from mailer.core import restore_lock
from mailer.core.db import transaction, utcnow

ALWAYS = {"accessibility", "health", "pages", "reading", "static"}  # blueprints that hold nothing of anybody
FRESH = 1.0  # seconds for which a yes is believed; a no is asked again each time
RETRY_AFTER = 600  # seconds


def init_maintenance(app: Flask) -> None:
    """Have every page but ALWAYS answer 503 while the service is disarmed."""
    armed_at, looked = float("-inf"), False

    @app.before_request
    def maintenance() -> ResponseReturnValue | None:
        nonlocal armed_at, looked
        room = (request.endpoint or "static").partition(".")[0]
        if room in ALWAYS or time.monotonic() - armed_at < FRESH:
            return None
        if not looked:  # at the start: a copy of before is disarmed before it shows anything
            with transaction() as db:
                current.look(db, now=utcnow())
            looked = True
        with transaction() as db:
            if not restore_lock.disarmed(db):
                armed_at = time.monotonic()
                return None
        page = render_template("maintenance.html")
        return page, 503, {"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"}
