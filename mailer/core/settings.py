"""Read the settings from MAILER_* variables or a `mailer.env` file.  Secrets have no default."""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from math import log2
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mailer.core.endpoint import is_loopback
from mailer.core.i18n import Locale, words
from mailer.core.logging import LogFormat, LogLevel

SELECTOR = (
    r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"  # RFC 6376 3.1
)
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")
MIN_SECRET = 32  # characters; 32 random url-safe characters carry 192 bits
MIN_BITS = 96
_LOCAL = ("localhost", "127.0.0.1", "::1")
_RESERVED = (
    ".localhost",
    ".test",
    ".example",
    ".invalid",
    "example.org",
    "example.com",
    "example.net",
)  # RFC 6761


class SettingsError(Exception):
    """Say in one line which variables to set, and how: the configuration cannot be used."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


def _strong(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if len(value) < MIN_SECRET or _bits(value) < MIN_BITS or _repeats(value):
        raise ValueError(
            f"too weak: at least {MIN_SECRET} random characters are needed, for instance from "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(48))'`"
        )
    return secret


def _bits(value: str) -> float:
    """Return what the frequencies of its characters tell at most (Shannon), in bits."""
    counts = Counter(value).values()
    return sum(count * log2(len(value) / count) for count in counts)


def _repeats(value: str) -> bool:
    """Return whether it is one part, over and over, such as 0123456789."""
    return any(value[part:] == value[:-part] for part in range(1, len(value) // 2 + 1))


Secret = Annotated[SecretStr, AfterValidator(_strong)]


def _has_port(url: str, otherwise: str) -> None:
    """Check that a port in it is a number: a password with @ or / must be percent-encoded.

    Raises ValueError.
    """
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError(f"{otherwise} (encode @ : / in a password as %40 %3A %2F)") from None


def _server(url: str, schemes: tuple[str, str], example: str) -> str:
    """Return the same URL, if it names a server.  Raises ValueError."""
    _has_port(url, f"must look like {example}")
    if urlsplit(url).scheme not in schemes or not urlsplit(url).hostname:
        raise ValueError(f"must look like {example}")
    return url


def _is_trial(host: str) -> bool:
    """Return whether a name is this machine's, or one that no public site can have."""
    return host in _LOCAL or host.endswith(_RESERVED)


class Settings(BaseSettings):
    """Hold the configuration of an installation.  Every field is MAILER_<NAME IN CAPITALS>."""

    model_config = SettingsConfigDict(env_prefix="MAILER_", extra="ignore", frozen=True)

    database_url: str | None = Field(None, description="PostgreSQL; empty: an embedded one in DATA_DIR")
    redis_url: str | None = Field(None, description="Redis; empty: an embedded one in DATA_DIR")
    relay_url: str = Field(description="smtp://user:password@host:587, smtps://host:465; ?tls=none, ?ca=FILE")
    public_url: str = Field(description="Where the public pages are reached, without a trailing slash")
    proxies: int = Field(0, ge=0, le=5, description="How many reverse proxies of ours stand before the web")
    data_dir: Path = Field(
        description="Journals, privacy log, anchors, the embedded servers' files: an absolute path"
    )

    secret_keys: Annotated[list[Secret], NoDecode] = Field(
        min_length=1, description="Comma-separated; the last signs, all verify (rotation)"
    )
    fingerprint_key: Secret = Field(description="Keys address fingerprints; keep it out of database backups")

    default_locale: Locale = Field("fr", description="fr or en")
    time_zone: str = Field("Europe/Paris", description="In which staff schedule")
    theme: Literal["neutral", "dsfr"] = Field(
        "neutral", description="neutral, or dsfr: of the pages that are no newsletter's"
    )
    embed_origins: Annotated[list[str], NoDecode] = Field(
        default_factory=list, description="Comma-separated origins whose pages may hold the sign-up form"
    )
    senders: int = Field(2, ge=1, le=64, description="How many letter tasks run at a time")
    signups_per_hour: int = Field(
        600,
        ge=1,
        description="Mails the sign-up forms may cause in an hour; beyond, they wait and you are told",
    )
    connections: int = Field(4, ge=1, le=50, description="SMTP connections a sender keeps open")

    late_after: timedelta = Field(
        timedelta(hours=12), gt=timedelta(0),
        description="An issue that could not leave for so long asks before it does (seconds, or PT12H)",
    )  # fmt: skip
    rate: float = Field(0, ge=0, allow_inf_nan=False, description="Messages a second at most; 0: no limit")
    providers: Path | None = Field(None, description="YAML file that changes what mailbox providers take")

    dkim_key_file: Path | None = Field(None, description="Private key that signs; empty: the relay signs")
    dkim_selector: str | None = Field(
        None, validate_default=True, description="Name of that key in the DNS: SELECTOR._domainkey.DOMAIN"
    )

    controller_name: str = Field(
        min_length=1, description="The body that publishes: the controller (RGPD 13)"
    )
    controller_address: str = Field(min_length=1, description="Its postal address")
    rights_email: str = Field(description="Printed in the notice; mail to it opens a rights case")
    inbox_url: SecretStr | None = Field(
        None,
        description="imaps://user:password@host/INBOX where that mail arrives; empty: nobody reads it here",
    )
    dpo_email: str = Field(description="The data protection officer")
    public_body: bool = Field(
        True,
        description="Whether the controller is a public body: a refusal then names the administrative court",
    )
    recipients: str = Field(min_length=1, description="Who receives the data: services, processors")
    host_name: str = Field(min_length=1, description="Who hosts the service (mentions légales)")
    publication_director: str = Field(
        "", description="Who directs the publication, name and office (mentions légales, law of 21 June 2004)"
    )
    retention: str = Field(
        "", description="How long data are kept, in your words; empty: retention_years, said in each language"
    )
    evidence_years: int = Field(
        5,
        ge=1,
        le=30,
        description="How long the evidence of a consent outlives its last event (your DPO's call)",
    )
    retention_years: int = Field(
        3,
        ge=1,
        le=10,
        description="How long somebody is kept after their last positive act (your DPO's call)",
    )
    trace_days: int = Field(
        90, ge=7, le=400, description="How long single mails that left, and what relays said, are kept"
    )
    audit_days: int = Field(
        365, ge=90, le=2000, description="How long the audit and the reports of imports are kept"
    )
    backup_days: int = Field(
        30, ge=0, le=400, description="How many days your backups are kept: certificates of erasure say so"
    )
    alert_address: str = Field(description="Where the service writes when it needs a person")
    alert_url: SecretStr | None = Field(
        None, description="Where the same is posted, as JSON with a `text`: the webhook of a chat or a pager"
    )
    heartbeat_url: SecretStr | None = Field(
        None,
        description="Called each minute while all lives; whoever watches it from outside alarms when not",
    )
    log_format: LogFormat = Field("text", description="text (logfmt) or json: one line a record")
    log_level: LogLevel = Field("info", description="debug, info, warning or error")

    @field_validator("secret_keys", "embed_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return [part.strip() for part in value.split(",") if part.strip()]

    @field_validator("dkim_key_file", "dkim_selector", "providers", mode="before")
    @classmethod
    def _empty(cls, value: Any) -> Any:
        return value or None

    @field_validator("dkim_selector")
    @classmethod
    def _signs_or_not(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) is not (info.data.get("dkim_key_file") is None):
            raise ValueError("goes with MAILER_DKIM_KEY_FILE: set both, or neither")
        if value is not None and not re.fullmatch(SELECTOR, value):
            raise ValueError("must be a name such as letters2026 (letters, digits, hyphens, dots)")
        return value

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        _has_port(value, "must look like https://letters.example.org")
        parts = urlsplit(value)
        if not parts.hostname or not (
            parts.scheme == "https" or (parts.scheme == "http" and _is_trial(parts.hostname))
        ):
            raise ValueError("must start with https:// (http:// only for a trial on this machine)")
        return value.rstrip("/")

    @field_validator("fingerprint_key")
    @classmethod
    def _own_key(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if value in info.data.get("secret_keys", ()):
            raise ValueError("must not be one of MAILER_SECRET_KEYS: each key has its own use")
        return value

    @field_validator("embed_origins")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin} is no origin: write https://www.example.org, without a path")
        return value

    @field_validator(
        "controller_name", "controller_address", "recipients", "host_name", "publication_director"
    )
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.strip().isprintable():
            raise ValueError("must be one line, without control characters")
        return value.strip()

    @field_validator("data_dir")
    @classmethod
    def _same_everywhere(cls, value: Path) -> Path:
        if not value.is_absolute():
            raise ValueError(
                f"{value} is another folder wherever a command is started: write an absolute path"
            )
        return value

    @field_validator("rights_email", "dpo_email", "alert_address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value.count("@") != 1 or any(c.isspace() for c in value):
            raise ValueError("must be one email address")
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("must be a time zone such as Europe/Paris") from error
        return value

    @field_validator("database_url")
    @classmethod
    def _psycopg(cls, value: str | None) -> str | None:
        if not value:
            return None
        _has_port(value, "must look like postgresql://user:password@host/name")
        for prefix in ("postgresql+psycopg://", "postgresql://", "postgres://"):
            if value.startswith(prefix):
                return "postgresql+psycopg://" + value.removeprefix(prefix)
        raise ValueError("must start with postgresql://")

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        return _server(value, ("redis", "rediss"), "redis://:password@host:6379/0") if value else None

    @field_validator("relay_url")
    @classmethod
    def _relay(cls, value: str) -> str:
        url = urlsplit(_server(value, ("smtp", "smtps"), "smtp://user:password@relay.example.org:587"))
        if not unquote(f"{url.username or ''}{url.password or ''}").isascii():
            raise ValueError("user and password may hold no accents: SMTP's login is in ASCII")
        return value

    @field_validator("inbox_url")
    @classmethod
    def _inbox(cls, value: SecretStr | None) -> SecretStr | None:
        url = value.get_secret_value() if value else ""
        _ = url and _server(url, ("imap", "imaps"), "imaps://user:password@imap.example.org/INBOX")
        return value if url else None

    @field_validator("alert_url", "heartbeat_url")
    @classmethod
    def _webhook(cls, value: SecretStr | None) -> SecretStr | None:
        url = value.get_secret_value() if value else ""
        if not url:
            return None
        _server(url, ("https", "http"), "https://hooks.example.org/services/…")
        if urlsplit(url).scheme == "http" and not is_loopback(urlsplit(url).hostname or ""):
            raise ValueError("must start with https:// (http:// only on this machine)")
        return value

    def kept(self, locale: str) -> str:
        """Return how long data are kept, in words."""
        one_or_more = words("core", locale)["kept"]["years" if self.retention_years > 1 else "year"]
        return self.retention or str(one_or_more).format(years=self.retention_years)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def env_file() -> Path:
    """Return the file read beside the environment (which wins): $MAILER_ENV_FILE, or `mailer.env` in this
    folder.
    """
    return Path(os.environ.get("MAILER_ENV_FILE", "mailer.env"))


def load(**values: Any) -> Settings:
    """Read and check the settings.

    Raises SettingsError with a single line naming every variable at fault.
    """
    try:
        return Settings(_env_file=env_file(), **values)
    except ValidationError as error:
        faults = [_sentence(fault["loc"], fault["type"], fault["msg"]) for fault in error.errors()]
        raise SettingsError(list(dict.fromkeys(faults))) from None


def fault(name: str, values: Mapping[str, Any]) -> str | None:
    """Return what is wrong with one setting among these, without its name; None where it can be used."""
    try:
        Settings(_env_file=None, **values)
    except ValidationError as error:
        found = (each["msg"] for each in error.errors() if each["loc"][0] == name)
        return next((said.removeprefix("Value error, ") for said in found), None)
    return None


def _sentence(where: tuple[int | str, ...], kind: str, message: str) -> str:
    name = f"MAILER_{str(where[0]).upper()}"
    if kind == "missing":
        return f"{name} is not set ({Settings.model_fields[str(where[0])].description})"
    return f"{name}: {message.removeprefix('Value error, ')}"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once."""
    return load()
