"""Hash passwords under argon2id, a few at a time, and refuse those that are easily guessed."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

MIN_PASSWORD = 12  # characters
MAX_PASSWORD = 1024  # hashing more would be work for nothing
LOOKED_AT = 72  # characters that zxcvbn looks at
GUESSES = 9  # powers of ten a password must withstand, as zxcvbn counts them
PATIENCE = 3.0  # seconds to wait for one's turn
WAITING = 2  # at most, in one process: each holds a thread that a page could need
COMMON = (  # what zxcvbn, which knows English, is told of France, of its keyboards and of this service
    "azerty", "azertyuiop", "qsdfghjklm", "wxcvbn", "motdepasse", "mot", "passe", "secret", "bonjour",
    "bienvenue", "administrateur", "administration", "admin", "utilisateur", "commissariat", "mairie",
    "prefecture", "departement", "region", "ministere", "france", "lettre", "newsletter", "mailer",
    "redaction", "bureau", "communication", "solidarite", "soleil", "chocolat", "jetaime", "marseille",
    "doudou", "loulou", "chouchou", "janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout",
    "septembre", "octobre", "novembre", "decembre", "printemps", "automne", "hiver",
)  # fmt: skip
_hasher = PasswordHasher()  # RFC 9106, low-memory profile: 64 MiB each
_turn = threading.Lock()
_room = threading.BoundedSemaphore(1 + WAITING)
_guessing = threading.Lock()  # zxcvbn keeps the words it is given in a global


class Busy(Exception):
    """Say that others' passwords are being hashed: the same may be asked again in a moment."""


@contextmanager
def turn() -> Iterator[None]:
    """Wait for one's turn to hash, one at a time in this process.  Raises Busy.

    Each hash takes every processor for a while: without a turn, parallel logins would hold all the
    threads that serve pages.
    """
    if not _room.acquire(blocking=False):
        raise Busy
    try:
        if not _turn.acquire(timeout=PATIENCE):
            raise Busy
        try:
            yield
        finally:
            _turn.release()
    finally:
        _room.release()


def hashed(password: str) -> str:
    """Return the hash to keep, with its salt and its parameters.  Raises Busy."""
    with turn():
        return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Return whether this is the password; without a hash, after the same work, False.  Raises Busy."""
    with turn():
        try:
            return _hasher.verify(password_hash or _nobody(), password[: MAX_PASSWORD + 1]) and bool(
                password_hash
            )
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(password_hash: str) -> bool:
    """Return whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def weakness(password: str, *known: str) -> str | None:
    """Return the code of what makes a password unfit, or None; `known` is what others know of its owner."""
    if len(password) < MIN_PASSWORD:
        return "too_short"
    if len(password) > MAX_PASSWORD:
        return "too_long"
    if password.casefold().strip() in {each.casefold().strip() for each in known}:
        return "their_name"
    return "too_common" if _guessable(password, known) else None


def _guessable(password: str, known: tuple[str, ...]) -> bool:
    words = [word for text in known for word in re.findall(r"\w{3,}", text.casefold())]
    with _guessing:
        found = zxcvbn(password[:LOOKED_AT].casefold(), user_inputs=[*words, *COMMON], max_length=LOOKED_AT)
    return float(found["guesses_log10"]) < GUESSES


@lru_cache(maxsize=1)
def _nobody() -> str:
    """Return a hash to verify when the address is unknown, so that it takes the same time."""
    return _hasher.hash("nobody")
