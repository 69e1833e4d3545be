"""Say alarms over each channel: a mail to the alert address, and a POST to a chat or a pager.

Neither holds personal data: an alarm's facts are titles, counts, names of ours, and scrubbed replies.
"""

import json
import smtplib
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from http.client import HTTPException
from typing import Any

from mailer.core import i18n
from mailer.core.logging import scrub
from mailer.core.settings import Settings
from mailer.monitoring.lifecycle import Due
from mailer.monitoring.models import Alarm
from mailer.monitoring.sentences import duration, sentence, title
from mailer.rendering.local_time import shown
from mailer.rendering.typography import typeset
from mailer.smtp.relay import Relay

TIMEOUT = 10.0  # seconds an HTTP server has for its answer
TRIES = 3
PAUSE = 1.0  # seconds before the second try; twice as many before the third


class NotTold(Exception):
    """Say that a channel did not take what it was given."""


def mail(due: Due, settings: Settings, *, now: datetime) -> None:
    """Mail the alert address.  Raises RelayDown, or NotTold when the relay refuses it."""
    client = Relay.parse(settings.relay_url).connect()
    try:
        client.send_message(compose(due, settings, now=now))
    except smtplib.SMTPException as error:
        raise NotTold(type(error).__name__) from error
    finally:
        client.close()


def post(due: Due, settings: Settings) -> None:
    """Post JSON to the alert URL.  Raises NotTold."""
    if settings.alert_url is None:
        raise NotTold("no MAILER_ALERT_URL")
    body = {"text": text(due, settings)}
    request(settings.alert_url.get_secret_value(), json.dumps(body).encode())


def compose(due: Due, settings: Settings, *, now: datetime) -> EmailMessage:
    """Return the alert mail, in the installation's language."""
    domain = settings.alert_address.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["From"] = message["To"] = settings.alert_address
    message["Subject"] = subject(due, settings)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(due, settings) + "\n", cte="quoted-printable")
    return message


def subject(due: Due, settings: Settings) -> str:
    """Return what it is about: what needs somebody before what is resolved."""
    frame, standing = _frame(settings), len(due.raised) + len(due.reminders)
    if standing:
        return str(frame["subject"].format(count=standing))
    return str(frame["resolved_subject"].format(count=len(due.resolved)))


def text(due: Due, settings: Settings) -> str:
    """Return what needs somebody, what is resolved, and where to answer, as paragraphs."""
    return scrub("\n\n".join(_paragraphs(due, settings)))


def request(url: str, body: bytes | None = None) -> None:
    """Call a URL: POST with a JSON body, else GET.  Raises NotTold after a few tries.

    A redirect is no answer: what is posted does not go to a place nobody configured.
    """
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            _open(url, body)
        except (OSError, HTTPException, ValueError) as error:
            said = NotTold(_short(error))
        else:
            return
    raise said


def _paragraphs(due: Due, settings: Settings) -> Iterator[str]:
    frame, locale = _frame(settings), settings.default_locale
    if due.raised or due.reminders:
        yield typeset(frame["before"], locale)
        yield from (f"- {sentence(each.kind, each.facts, locale)}" for each in due.raised)
        yield from (f"- {_again(each, settings)}" for each in due.reminders)
    if due.resolved:
        yield typeset(frame["after"], locale)
        yield from (f"- {_over(each, settings)}" for each in due.resolved)
    if due.raised or due.reminders:
        yield typeset(frame["acknowledge"], locale)
        yield f"{settings.public_url}/desk/alarms"


def _again(alarm: Alarm, settings: Settings) -> str:
    locale = settings.default_locale
    since = shown(alarm.since, settings.zone, locale)
    said = sentence(alarm.kind, alarm.facts, locale)
    return str(typeset(_frame(settings)["again"], locale).format(sentence=said, since=since))


def _over(alarm: Alarm, settings: Settings) -> str:
    locale, at = settings.default_locale, alarm.resolved_at or alarm.since
    words = typeset(_frame(settings)["over"], locale)
    return str(words.format(
        title=title(alarm.kind, alarm.facts, locale), at=shown(at, settings.zone, locale),
        duration=duration(int((at - alarm.since).total_seconds() // 60), locale),
    ))  # fmt: skip


def _frame(settings: Settings) -> dict[str, Any]:
    frame: dict[str, Any] = i18n.words("monitoring", settings.default_locale)["mail"]
    return frame


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none: its status is then an error."""


def _open(url: str, body: bytes | None) -> None:
    headers = {"User-Agent": "mailer"} | ({"Content-Type": "application/json"} if body else {})
    asked = urllib.request.Request(url, body, headers)  # noqa: S310 -- the settings allow http and https alone
    with urllib.request.build_opener(_NoRedirect).open(asked, timeout=TIMEOUT) as answer:
        answer.read(1024)


def _short(error: Exception) -> str:
    """Return what went wrong, without the URL: it is a secret."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return type(reason).__name__ if isinstance(reason, BaseException) else "URLError"
