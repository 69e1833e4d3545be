"""Recognise what is ours in a mail that came back: a token that we signed, in an address, an id or a link.

A token proves that a message with it left us; not who sends it back.  Pure but for the installation's keys.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mailer.core.tokens import BadToken, Purpose, read_delivery, read_notice
from mailer.outcomes.report import Ours

_TRIED = 40  # tokens of one mail that are checked
_DELIVERY = r"([a-z0-9]{58})(?![a-z0-9])"
_OUR_ADDRESS = re.compile(r"(?:b-[a-z0-9]{58}|n-[a-z0-9]{50}|u-[a-z0-9]{40,62})@", re.IGNORECASE)


@dataclass(frozen=True)
class _Place:
    """Hold how one kind of token is written, and how it is read."""

    written: re.Pattern[str]
    read: Callable[[str], Ours]


def _delivery(purpose: Purpose) -> Callable[[str], Ours]:
    return lambda token: Ours(delivery=read_delivery(purpose, token))


def _place(before: str, purpose: Purpose) -> _Place:
    return _Place(re.compile(before + _DELIVERY, re.IGNORECASE), _delivery(purpose))


_PLACES = (
    _place(r"(?<![a-z0-9])b-", Purpose.RETURN_PATH),
    _Place(
        re.compile(r"(?<![a-z0-9])n-([a-z0-9]{50})(?![a-z0-9])", re.IGNORECASE),
        lambda token: Ours(notice=read_notice(Purpose.NOTICE_RETURN_PATH, token)),
    ),
    _place(r"(?<![a-z0-9])u-", Purpose.UNSUBSCRIBE),
    _place(r"/u/", Purpose.UNSUBSCRIBE),
    _place(r"<", Purpose.MESSAGE_ID),
)


def ours(texts: Iterable[str]) -> Ours | None:
    """Return what the first token that we signed names; forged and foreign ones are passed over."""
    tried = 0
    for text in texts:
        for place in _PLACES:
            for match in place.written.finditer(text):
                tried += 1
                if tried > _TRIED:
                    return None
                if named := _read(place, match[1]):
                    return named
    return None


def is_ours(address: str) -> bool:
    """Return whether an address has the form of a return path of ours."""
    return _OUR_ADDRESS.match(address) is not None


def unsubscribes(addresses: Iterable[str]) -> bool:
    """Return whether a mail went to the address of our List-Unsubscribe."""
    place = _PLACES[2]
    return any(_read(place, match[1]) for one in addresses for match in place.written.finditer(one))


def _read(place: _Place, token: str) -> Ours | None:
    try:
        return place.read(token)
    except BadToken:
        return None
