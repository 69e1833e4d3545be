"""Name a person by the keyed fingerprint of their address."""

from mailer.core import address
from mailer.core.settings import settings


def fingerprint_of(email: str) -> bytes:
    """Return the keyed fingerprint of a normalised address, under this installation's key."""
    return address.fingerprint(email, settings().fingerprint_key.get_secret_value().encode())
