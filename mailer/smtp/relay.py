"""Where mail is submitted, and how a connection to it is opened: TLS required and verified, then AUTH."""

import smtplib
import socket
from typing import Self

from mailer.core import connection_faults, hold_reasons
from mailer.core.endpoint import Endpoint
from mailer.core.hold_reasons import HoldReason
from mailer.smtp.replies import reply, said

CONNECT_TIMEOUT = 30.0  # seconds
SETTING = "MAILER_RELAY_URL"


class _Client(smtplib.SMTP):
    """Wait CONNECT_TIMEOUT for its connection, and its own timeout for each reply (RFC 5321 4.5.3.2)."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        opened: socket.socket = super()._get_socket(host, port, CONNECT_TIMEOUT)  # type: ignore[misc]
        opened.settimeout(timeout)
        return opened


class _TlsClient(_Client, smtplib.SMTP_SSL):
    """Do the same, encrypted from its first byte."""


class RelayDown(Exception):
    """The relay could not be reached, or refused us before any message: no recipient is charged with it."""


class Relay(Endpoint):
    """Hold the SMTP server we submit to, as MAILER_RELAY_URL says it."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read smtp://user:password@host:port (or smtps), ?tls=none, ?ca=FILE."""
        return cls.read(url, port=587, tls_port=465)

    def connect(self, *, patience: float | None = None) -> smtplib.SMTP:
        """Return a client that has said EHLO, encrypted and authenticated as asked.  Raises RelayDown.

        patience: seconds it has for each reply; as many as for the connection itself, if none are said.
        A relay that does not offer STARTTLS is down for us, never spoken to in plain text.
        """
        try:
            return self._open(CONNECT_TIMEOUT if patience is None else patience)
        except (OSError, smtplib.SMTPException) as error:
            raise RelayDown(f"{_reason(error)}: {self.host}:{self.port}{_said(error)}") from error

    def cause(self, down: RelayDown) -> str:
        """Say why a connection failed, and what to do."""
        error, place = down.__cause__ or down, f"{self.host}:{self.port}"
        match error:
            case smtplib.SMTPAuthenticationError():
                return (
                    f"the relay {place} refuses the login of {self.user} ({error.smtp_code}): mend user and "
                    f"password in {SETTING} (write @ : / in them as %40 %3A %2F)"
                )
            case smtplib.SMTPNotSupportedError() if "STARTTLS" in str(error):
                return (
                    f"the relay {place} offers no STARTTLS: use its smtps:// port, or, for an internal "
                    f"relay, ?tls=none in {SETTING}"
                )
            case smtplib.SMTPNotSupportedError():
                return f"the relay {place} takes no login here: leave user and password out of {SETTING}"
            case smtplib.SMTPResponseException():
                return f"the relay {place} turns us away ({error.smtp_code}): ask whoever runs it"
        why = connection_faults.network(error, place, SETTING)
        return why or f"the relay {place} hung up before any mail: check the scheme and the port in {SETTING}"

    def _open(self, patience: float) -> smtplib.SMTP:
        client: smtplib.SMTP
        if self.implicit_tls:
            client = _TlsClient(self.host, self.port, timeout=patience, context=self.tls)
        else:
            client = _Client(self.host, self.port, timeout=patience)
        try:
            client.ehlo_or_helo_if_needed()
            if not self.implicit_tls and not self.plain:
                client.starttls(context=self.tls)
                client.ehlo()
            if self.user and self.password:
                client.login(self.user, self.password)
        except BaseException:
            client.close()
            raise
        return client


def _reason(error: OSError | smtplib.SMTPException) -> HoldReason:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return HoldReason.LOGIN_REFUSED
    if isinstance(error, smtplib.SMTPNotSupportedError):  # STARTTLS, or a login, that it does not offer
        return HoldReason.NO_ENCRYPTION if "STARTTLS" in str(error) else HoldReason.LOGIN_REFUSED
    if isinstance(error, smtplib.SMTPException):  # which is an OSError too
        return HoldReason.TURNED_AWAY
    return hold_reasons.of_connection(error)


def _said(error: Exception) -> str:
    """Return the relay's own words, where it said some."""
    code, text = getattr(error, "smtp_code", None), getattr(error, "smtp_error", b"")
    if not code:
        return ""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f", {said(reply(code, words.encode()))}"
