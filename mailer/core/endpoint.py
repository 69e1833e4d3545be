"""Read a server's URL: its address, our account, and how TLS verifies it."""

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Endpoint:
    """Hold what scheme://user:password@host:port/path?tls=none&ca=FILE says.

    A scheme that ends with an s asks for TLS from the first byte; any other, for STARTTLS, unless `plain`.
    """

    host: str
    port: int
    user: str | None
    password: str | None
    path: str
    implicit_tls: bool
    plain: bool  # on loopback, or an internal server for which the URL says ?tls=none
    ca: Path | None  # a private authority
    options: dict[str, str] = field(hash=False)

    @classmethod
    def read(cls, url: str, *, port: int, tls_port: int) -> Self:
        """Read a URL, whose form the settings checked; it may leave out the usual port of its scheme."""
        parts = urlsplit(url)
        host, implicit = parts.hostname or "", parts.scheme.endswith("s")
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        return cls(
            host=host,
            port=parts.port or (tls_port if implicit else port),
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            path=unquote(parts.path.strip("/")),
            implicit_tls=implicit,
            plain=not implicit and (options.get("tls") == "none" or is_loopback(host)),
            ca=Path(options["ca"]) if "ca" in options else None,
            options=options,
        )

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Verify the certificate and the name in it."""
        return ssl.create_default_context(cafile=self.ca)


def is_loopback(host: str) -> bool:
    """Return whether this name is the machine itself."""
    return host in {"localhost", "::1"} or host.startswith("127.")
