"""Say why a server over the network cannot be used: one sentence a cause, with the setting to mend."""

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import redis


def network(error: BaseException, place: str, setting: str) -> str | None:
    """Return what is wrong with the way to a server, such as `host:587`; None where it is something else."""
    for each in _chain(error):
        match each:
            case ssl.SSLCertVerificationError():
                return (
                    f"the certificate of {place} cannot be verified ({each.verify_message}): name the server "
                    f"as its certificate does, or its authority with ?ca=FILE, in {setting}"
                )
            case ssl.SSLError():
                return f"{place} does not speak TLS as {setting} asks for it: check the scheme and the port"
            case ConnectionRefusedError():
                return f"nothing listens at {place}: start the server, or mend {setting}"
            case socket.gaierror():
                return f"no machine is called {place.rpartition(':')[0]}: mend {setting}"
            case TimeoutError():
                return f"{place} does not answer: see the firewall, and the host in {setting}"
    return None


def redis_cause(error: redis.RedisError, url: str | None) -> str:
    """Return why Redis cannot be used, and what to do; it quotes no password."""
    parts = urlsplit(url or "")
    place, setting = f"{parts.hostname}:{parts.port or 6379}", "MAILER_REDIS_URL"
    if isinstance(error, redis.AuthenticationError):
        return f"Redis at {place} refuses the password: mend it in {setting} (redis://:password@host:6379/0)"
    if isinstance(error, redis.BusyLoadingError):
        return f"Redis at {place} is starting: try again in a moment"
    if isinstance(error, redis.ResponseError):
        return f"Redis at {place} refuses what is asked: see its log, and the number at the end of {setting}"
    why = network(error, place, setting) or (
        f"{place} does not answer: see the firewall, and the host in {setting}"
        if isinstance(error, redis.TimeoutError)
        else f"{place} broke off: see its log, and {setting}"
    )
    return f"Redis cannot be reached: {why}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
