import pytest

from mailer.core.address import InvalidAddress, normalise


@pytest.mark.parametrize(
    "typed",
    [
        "=cmd|'/ccalc'!a0@evil.fr", "+cmd|'/ccalc'!a0@evil.fr", "＝cmd@evil.fr", "x|y@evil.fr", "'=1+1@x.fr",
        "\ufffd\ufffd\ufffd@x.fr", "a\ufffdb@x.fr", "a\x00b@x.fr", "a@\ufffd.fr",
    ],
)  # fmt: skip
def test_what_is_not_worth_taking(typed: str) -> None:
    with pytest.raises(InvalidAddress):
        normalise(typed)


@pytest.mark.parametrize(
    "typed", ["o'brien@example.org", "a+b@example.org", "-x@example.org", "zoé@example.org"]
)
def test_unusual_addresses_are_taken(typed: str) -> None:
    assert normalise(typed) == typed
