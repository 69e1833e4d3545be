"""Look whether public web addresses answer, without ever speaking to a network of ours.

An address that an author wrote may lead anywhere, and its name may resolve to one machine when it is
examined and to another when it is used (DNS rebinding). So a name is resolved once, every address it has
must be public, and the connection goes to one of these, whatever the DNS says meanwhile; each redirection
goes through the same. No cookie, no body, no proxy; nothing but the status line and the headers is read.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urljoin, urlsplit

from mailer.core import jobs
from mailer.core.logging import log

Fault = Literal["private", "unknown_host", "timeout", "unreachable", "certificate", "redirects"]
Resolve = Callable[[str, int], list[str]]
MayReach = Callable[[str, int], bool]
PORTS = frozenset({80, 443, 8080, 8443})
PATIENCE = 5.0  # seconds for each step of a connection
LONGEST = 20.0  # seconds for all addresses together
AT_ONCE = 8
MOST = 200  # addresses in one go
REDIRECTIONS = 5
_REFUSED = frozenset({400, 403, 404, 405, 406, 501})  # answers to HEAD after which GET is tried
_REDIRECTED = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"User-Agent": "mailer-link-check", "Accept": "*/*", "Connection": "close"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_TLS = ssl.create_default_context()
# What ipaddress may call global, and yet leads elsewhere: addresses that carry another, and old local ones.
_ELSEWHERE = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fec0::/10"))
)


class NotPublic(Exception):
    """Say that an address is not one of the public web."""


class UnknownHost(Exception):
    """Say that a name resolves to nothing."""


@dataclass(frozen=True)
class Answer:
    """Hold what an address answered: a status of HTTP, or why there is none."""

    status: int | None = None
    fault: Fault | None = None


def is_public(address: str) -> bool:
    """Return whether an IP address is one that anybody on the Internet reaches."""
    read = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(read, ipaddress.IPv6Address):
        if read.ipv4_mapped:
            return is_public(str(read.ipv4_mapped))
        if any(read in network for network in _ELSEWHERE):
            return False
    return read.is_global and not (read.is_multicast or read.is_reserved or read.is_unspecified)


def may_reach(address: str, port: int) -> bool:
    """Return whether we speak to that address, on that port."""
    return port in PORTS and is_public(address)


def resolved(host: str, port: int) -> list[str]:
    """Return every IP address of a name.  Raises UnknownHost."""
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnknownHost(host) from error
    return [str(row[4][0]) for row in rows]


def look_at(
    addresses: Iterable[str], *, resolve: Resolve = resolved, reach: MayReach = may_reach
) -> dict[str, Answer]:
    """Return what each address answers, those first that are first; what is late has timed out.

    `resolve` and `reach` say how names are resolved, and which of their addresses may be spoken to.
    """
    asked = list(dict.fromkeys(addresses))[:MOST]
    open_sockets = _Sockets()
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        running = {pool.submit(_Visit(resolve, reach, open_sockets).answer, url): url for url in asked}
        wait(running, timeout=LONGEST)
        return {url: _answer_of(run) for run, url in running.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        open_sockets.close()


def _answer_of(run: Future[Answer]) -> Answer:
    """Return what a look came to; what nobody foresaw of one address keeps no other waiting."""
    if not run.done():
        return Answer(fault="timeout")
    if error := run.exception():
        log.error("an address could not be looked at", error=jobs.place(error))
        return Answer(fault="unreachable")
    return run.result()


class _Sockets:
    """Hold the sockets that are open, so that none outlives its time."""

    def __init__(self) -> None:
        self._all: set[socket.socket] = set()
        self._closed = False
        self._lock = threading.Lock()

    def add(self, opened: socket.socket) -> None:
        """Keep one; raise TimeoutError once all are closed."""
        with self._lock:
            self._all.add(opened)
            if self._closed:
                raise TimeoutError

    def close(self) -> None:
        """Hang up, whoever waits for an answer."""
        with self._lock:
            self._closed = True
            for opened in self._all:
                with suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)


class _Visit:
    """Look at one address, and at those it redirects to."""

    def __init__(self, resolve: Resolve, reach: MayReach, sockets: _Sockets) -> None:
        self._resolve, self._reach, self._sockets = resolve, reach, sockets

    def answer(self, url: str) -> Answer:
        """Return what is there."""
        try:
            return self._followed(url)
        except NotPublic:
            return Answer(fault="private")
        except UnknownHost:
            return Answer(fault="unknown_host")
        except TimeoutError:
            return Answer(fault="timeout")
        except ssl.SSLError:
            return Answer(fault="certificate")
        except (OSError, http.client.HTTPException, ValueError):
            return Answer(fault="unreachable")

    def _followed(self, url: str) -> Answer:
        for _step in range(REDIRECTIONS + 1):
            status, location = self._status(url, "HEAD")
            if status in _REFUSED:
                status, location = self._status(url, "GET")
            if status not in _REDIRECTED or not location:
                return Answer(status)
            url = urljoin(url, location)
        return Answer(fault="redirects")

    def _status(self, url: str, method: str) -> tuple[int, str | None]:
        """Return the status of one request, and where it redirects to."""
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
            raise NotPublic(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        connection = self._connected(_ascii(parts.hostname), port, secure=parts.scheme == "https")
        try:
            connection.request(method, _target(parts.path, parts.query), headers=_HEADERS)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location")
        finally:
            connection.close()

    def _connected(self, host: str, port: int, *, secure: bool) -> http.client.HTTPConnection:
        """Return a connection to an address of that host that was examined, and to no other."""
        addresses = self._resolve(host, port)
        if not addresses or not all(self._reach(address, port) for address in addresses):
            raise NotPublic(host)
        opened = socket.create_connection((addresses[0], port), timeout=PATIENCE)
        try:
            self._sockets.add(opened)
            return self._secured(opened, host, port) if secure else _over(opened, host, port)
        except BaseException:
            opened.close()
            raise

    def _secured(self, opened: socket.socket, host: str, port: int) -> http.client.HTTPConnection:
        connection = http.client.HTTPSConnection(host, port)
        wrapped = _TLS.wrap_socket(opened, server_hostname=host, do_handshake_on_connect=False)
        try:
            self._sockets.add(wrapped)
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        connection.sock = wrapped
        return connection


def _over(opened: socket.socket, host: str, port: int) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(host, port)
    connection.sock = opened
    return connection


def _ascii(host: str) -> str:
    """Return a name as the DNS knows it.  Raises UnicodeError."""
    return host.rstrip(".") if host.isascii() else host.rstrip(".").encode("idna").decode()


def _target(path: str, query: str) -> str:
    target = quote(path or "/", safe="/%:@!$&'()*+,;=~-._")
    return f"{target}?{quote(query, safe='/%:@!$&()*+,;=~-._?')}" if query else target
