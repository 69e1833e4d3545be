"""What an installation is told about itself: refused in one line that names every variable at fault."""

import secrets

import pytest
from pydantic import SecretStr

from mailer.core import settings as module
from mailer.core.settings import Settings, SettingsError
from tests.conftest import IDENTITY, SECRETS

GIVEN = {
    name.removeprefix("MAILER_").lower(): value
    for name, value in (IDENTITY | SECRETS | {"MAILER_DATA_DIR": "/srv/mailer/var"}).items()
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"MAILER_{name.upper()}", raising=False)
    monkeypatch.setenv("MAILER_ENV_FILE", "/dev/null")


def test_every_missing_variable_is_named_in_one_line() -> None:
    with pytest.raises(SettingsError) as caught:
        module.load()
    said = str(caught.value)
    assert "\n" not in said
    for name, field in Settings.model_fields.items():
        assert (f"MAILER_{name.upper()} is not set" in said) is field.is_required()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"secret_keys": "short"}, "MAILER_SECRET_KEYS: too weak"),
        ({"secret_keys": "a" * 64}, "MAILER_SECRET_KEYS: too weak"),
        ({"secret_keys": "0123456789" * 5}, "MAILER_SECRET_KEYS: too weak"),
        ({"fingerprint_key": "7" * 40}, "MAILER_FINGERPRINT_KEY: too weak"),
        ({"fingerprint_key": "abcdefghijklmnop" * 2}, "MAILER_FINGERPRINT_KEY: too weak"),
        ({"fingerprint_key": "a" * 30 + "0123456789"}, "MAILER_FINGERPRINT_KEY: too weak"),
        (
            {"fingerprint_key": SECRETS["MAILER_SECRET_KEYS"].split(",")[0]},
            "MAILER_FINGERPRINT_KEY: must not be",
        ),
        (
            {"fingerprint_key": SECRETS["MAILER_SECRET_KEYS"].split(",")[1]},
            "MAILER_FINGERPRINT_KEY: must not be",
        ),
        ({"secret_keys": ""}, "MAILER_SECRET_KEYS"),
        (
            {"public_url": "http://lettres.hauts-de-france.gouv.fr"},
            "MAILER_PUBLIC_URL: must start with https://",
        ),
        ({"public_url": "http://192.0.2.1"}, "MAILER_PUBLIC_URL: must start with https://"),
        ({"public_url": "http://notexample.org.evil.fr"}, "MAILER_PUBLIC_URL: must start with https://"),
        ({"public_url": "https://"}, "MAILER_PUBLIC_URL: must start with https://"),
        (
            {"controller_name": "Commissariat\r\nBcc: x@example.org"},
            "MAILER_CONTROLLER_NAME: must be one line",
        ),
        ({"fingerprint_key": "x"}, "MAILER_FINGERPRINT_KEY: too weak"),
        ({"public_url": "letters.example.org"}, "MAILER_PUBLIC_URL: must start with https://"),
        ({"database_url": "mysql://localhost/x"}, "MAILER_DATABASE_URL: must start with postgresql://"),
        ({"database_url": "postgresql://u:p/w@h/d"}, "MAILER_DATABASE_URL: must look like .* %2F"),
        ({"redis_url": "localhost:6379"}, "MAILER_REDIS_URL: must look like redis://"),
        ({"relay_url": "relay.example.org"}, "MAILER_RELAY_URL: must look like smtp://"),
        ({"relay_url": "smtp://relay.example.org:mail"}, "MAILER_RELAY_URL: must look like smtp://"),
        ({"relay_url": "smtp://u:%C3%A9t%C3%A9@relay.example.org"}, "MAILER_RELAY_URL: .* no accents"),
        ({"time_zone": "Paris"}, "MAILER_TIME_ZONE: must be a time zone"),
        ({"time_zone": "../etc/passwd"}, "MAILER_TIME_ZONE: must be a time zone"),
        ({"dpo_email": "nobody"}, "MAILER_DPO_EMAIL: must be one email address"),
        ({"senders": "0"}, "MAILER_SENDERS"),
        ({"dkim_selector": "s1"}, "MAILER_DKIM_SELECTOR: goes with MAILER_DKIM_KEY_FILE"),
        ({"dkim_key_file": "key.pem"}, "MAILER_DKIM_SELECTOR: goes with MAILER_DKIM_KEY_FILE"),
        ({"dkim_key_file": "key.pem", "dkim_selector": "s 1"}, "MAILER_DKIM_SELECTOR: must be a name"),
        ({"data_dir": "var"}, "MAILER_DATA_DIR: var is another folder wherever .* an absolute path"),
        ({"data_dir": "./var"}, "MAILER_DATA_DIR"),
        ({"default_locale": "de"}, "MAILER_DEFAULT_LOCALE"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(change: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        module.load(**(GIVEN | change))


@pytest.mark.parametrize(
    "url", ["https://lettres.fr", "http://127.0.0.1:5000", "http://localhost", "http://lettres.example.org"]
)
def test_a_trial_may_do_without_tls(url: str) -> None:
    assert module.load(**(GIVEN | {"public_url": url})).public_url == url


def test_random_keys_are_strong() -> None:
    for size in (24, 48):
        module.load(**(GIVEN | {"fingerprint_key": secrets.token_urlsafe(size)}))
        module.load(**(GIVEN | {"fingerprint_key": secrets.token_hex(size)}))


def test_a_refused_secret_is_not_quoted() -> None:
    with pytest.raises(SettingsError) as caught:
        module.load(**(GIVEN | {"fingerprint_key": "hunter2"}))
    assert "hunter2" not in str(caught.value)


def test_values_are_put_in_one_form() -> None:
    read = module.load(
        **GIVEN | {"public_url": "https://letters.example.org/", "database_url": "postgres://u@h/d"}
    )
    assert read.public_url == "https://letters.example.org"
    assert read.database_url == "postgresql+psycopg://u@h/d"
    assert [type(key) for key in read.secret_keys] == [SecretStr, SecretStr]
    assert read.zone.key == "Europe/Paris"


def test_without_dkim_its_two_settings_are_empty() -> None:
    read = module.load(**GIVEN | {"dkim_key_file": "", "dkim_selector": ""})
    assert (read.dkim_key_file, read.dkim_selector) == (None, None)


def test_an_empty_database_url_means_the_embedded_one() -> None:
    assert module.load(**GIVEN | {"database_url": ""}).database_url is None


def test_how_long_data_are_kept_is_said_in_each_language_or_in_their_own_words() -> None:
    given = module.load(**GIVEN | {"retention_years": 5})
    assert (given.kept("fr")[:4], given.kept("en")[:7]) == ("5 an", "5 years")
    assert module.load(**GIVEN | {"retention_years": 1}).kept("en").startswith("1 year after")
    assert module.load(**GIVEN | {"retention": "le temps du mandat"}).kept("en") == "le temps du mandat"


@pytest.mark.parametrize("name", ["alert_url", "heartbeat_url"])
def test_what_is_called_is_called_over_tls_but_on_this_machine(name: str) -> None:
    variable = f"MAILER_{name.upper()}"
    for right in ("https://hooks.example.org/services/T0/s3cret", "http://127.0.0.1:8065/hooks/x", ""):
        given = module.load(**(GIVEN | {name: right}))
        held = getattr(given, name)
        assert (held.get_secret_value() if held else "") == right
        assert "s3cret" not in repr(given)
    for wrong in ("http://hooks.example.org/x", "hooks.example.org", "ftp://hooks.example.org", "https:///x"):
        with pytest.raises(SettingsError, match=variable):
            module.load(**(GIVEN | {name: wrong}))
