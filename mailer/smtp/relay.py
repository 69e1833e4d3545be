"""Where mail is submitted, and how a connection to it is opened: TLS required and verified, then AUTH."""

import smtplib
import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

CONNECT_TIMEOUT = 30.0  # seconds


class RelayDown(Exception):
    """The relay could not be reached, or refused us before any message: no recipient is charged with it."""


@dataclass(frozen=True)
class Relay:
    """The SMTP server we submit to, as MAILER_RELAY_URL says it."""

    host: str
    port: int
    user: str | None
    password: str | None
    implicit_tls: bool
    plain: bool  # a relay on loopback, or an internal one for which the URL says ?tls=none
    ca: Path | None  # a private authority

    @classmethod
    def parse(cls, url: str) -> "Relay":
        """Read smtp://user:password@host:port (or smtps), ?tls=none, ?ca=FILE.  Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("must look like smtp://user:password@relay.example.org:587")
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        implicit = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if implicit else 587),
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            implicit_tls=implicit,
            plain=not implicit and (query.get("tls") == "none" or is_loopback(parts.hostname)),
            ca=Path(query["ca"]) if "ca" in query else None,
        )

    def connect(self) -> smtplib.SMTP:
        """Return a client that has said EHLO, encrypted and authenticated as asked.  Raises RelayDown.

        A relay that does not offer STARTTLS is down for us, never spoken to in plain text.
        """
        try:
            return self._open()
        except (OSError, smtplib.SMTPException) as error:
            raise RelayDown(f"{self.host}:{self.port} ({_short(error)})") from error

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca)

    def _open(self) -> smtplib.SMTP:
        client: smtplib.SMTP
        if self.implicit_tls:
            client = smtplib.SMTP_SSL(self.host, self.port, timeout=CONNECT_TIMEOUT, context=self._tls)
        else:
            client = smtplib.SMTP(self.host, self.port, timeout=CONNECT_TIMEOUT)
        try:
            client.ehlo_or_helo_if_needed()
            if not self.implicit_tls and not self.plain:
                client.starttls(context=self._tls)
                client.ehlo()
            if self.user and self.password:
                client.login(self.user, self.password)
        except BaseException:
            client.close()
            raise
        return client


def is_loopback(host: str) -> bool:
    """Return whether what is said there stays on this machine."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _short(error: Exception) -> str:
    code = getattr(error, "smtp_code", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__
