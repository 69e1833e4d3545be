"""Delivery states, what an SMTP reply means, and when to try again.  Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from mailer.core.logging import scrub


class DeliveryState(StrEnum):
    PENDING = "pending"  # not begun
    HANDED = "handed"  # claimed by a worker, which may have begun to speak
    DEFERRED = "deferred"  # the relay asked to come back at due_at
    ACCEPTED = "accepted"  # the relay answered 250 after the final dot
    REFUSED = "refused"  # the relay, or we ourselves, said never
    WITHHELD = "withheld"  # no longer to be written to when their turn came
    UNKNOWN = "unknown"  # begun, and no reply seen: RFC 1047


FINAL = frozenset({
    DeliveryState.ACCEPTED, DeliveryState.REFUSED, DeliveryState.WITHHELD, DeliveryState.UNKNOWN,
})  # fmt: skip
WAITING = (DeliveryState.PENDING, DeliveryState.DEFERRED)  # for their turn


FIRST_RETRY = timedelta(seconds=300)
LAST_RETRY = timedelta(seconds=4000)
GIVE_UP = timedelta(hours=72)
JITTER = 0.2
LONGEST_RETRY = LAST_RETRY * (1 + JITTER) + timedelta(minutes=1)


class Reply(NamedTuple):
    """Hold an SMTP reply fit for the ledger: no address survives in its text."""

    code: int
    enhanced: str  # "5.1.1", or "" when the server gave none (RFC 2034)
    text: str  # scrubbed, at most 200 characters


_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\s*(.*)", re.DOTALL)


@lru_cache(maxsize=256)  # a relay says the same few things all day
def reply(code: int, message: bytes) -> Reply:
    """Read a reply as smtplib gives it."""
    text = " ".join(message.decode("utf-8", "replace").split())
    found = _ENHANCED.match(text)
    enhanced, rest = (found[1], found[2]) if found else ("", text)
    return Reply(code, enhanced, scrub(rest)[:200])


def said(answer: Reply) -> str:
    """Return a reply on one line, as the ledger keeps it."""
    return " ".join(part for part in (str(answer.code or ""), answer.enhanced, answer.text) if part)


_VARIES = re.compile(r"[\w.:\-]*\d[\w.:\-]*")  # queue ids, IPs, times; mail addresses went before


def wording(answer: Reply) -> str:
    """Return what a reply says, without what differs from one message to the next."""
    return said(answer._replace(text=_VARIES.sub("#", answer.text)))


_ABOUT_US = re.compile(r"5\.(7\.\d+|1\.[78]|3\.4)\Z")  # policy, the sender's address, the letter's size


def is_suspect(answer: Reply) -> bool:
    """Return whether a refusal is, by its status, more likely about the sender, the login or the letter."""
    if answer.code // 100 != 5:
        return False
    return answer.code in {530, 535, 552} or bool(_ABOUT_US.match(answer.enhanced))


class Refusal(StrEnum):
    """Name why a mailbox was not reached, as a reply lets one tell."""

    NO_MAILBOX = "no_mailbox"
    FULL = "full"
    POLICY = "policy"  # about the sender, the login or the text more likely than about the mailbox
    DELAYED = "delayed"  # "later", for three days
    OTHER = "other"


NO_SUCH_MAILBOX = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4")  # RFC 3463, 7505
_FULL = re.compile(r"[45]\.2\.2\Z")
_POLICY = re.compile(r"[45]\.(7\.\d+|1\.[78])\Z")


def refusal_of(code: int, enhanced: str) -> Refusal:
    """Return why a mailbox was not reached."""
    if enhanced in NO_SUCH_MAILBOX:
        return Refusal.NO_MAILBOX
    if _FULL.match(enhanced):
        return Refusal.FULL
    if _POLICY.match(enhanced):
        return Refusal.POLICY
    return Refusal.DELAYED if code // 100 == 4 else Refusal.OTHER


@dataclass(frozen=True, slots=True)
class Verdict:
    """Say what becomes of a delivery, and when it is due again if it is deferred."""

    state: DeliveryState
    reply: Reply
    due_at: datetime | None = None


def retry_at(now: datetime, attempts: int, jitter: float) -> datetime:
    """Return when to try again after `attempts` tries: 300 s doubling to 4,000 s, ± 20 % for jitter in [-1,
    1].
    """
    wait = min(FIRST_RETRY * float(2 ** (attempts - 1)), LAST_RETRY)
    return now + wait * (1 + JITTER * jitter)


def verdict(
    answer: Reply, *, now: datetime, attempts: int, first_tried: datetime, jitter: Callable[[], float]
) -> Verdict:
    """Read the deciding reply of a transaction (RCPT, DATA or the final dot).

    attempts counts this one.  4xx is deferred until 72 h after the first try, then refused as it stands.
    """
    if answer.code // 100 == 2:
        return Verdict(DeliveryState.ACCEPTED, answer)
    if answer.code // 100 == 5 or now - first_tried >= GIVE_UP:
        return Verdict(DeliveryState.REFUSED, answer)
    return Verdict(DeliveryState.DEFERRED, answer, retry_at(now, attempts, jitter()))
