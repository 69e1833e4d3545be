"""Which spellings lead to one mailbox: for counting only."""

import pytest

from mailer.core.address import mailbox


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("j.anne@gmail.com", "janne@gmail.com", True),
        ("j.anne@googlemail.com", "janne@gmail.com", True),
        ("j.anne@orange.fr", "janne@orange.fr", False),
        ("j.anne@mairie.example", "janne@mairie.example", False),
        ("anne+lettre@mairie.example", "anne@mairie.example", True),
        ("...@gmail.com", "x@gmail.com", False),
    ],
)
def test_dots_are_folded_only_where_the_provider_does(one: str, other: str, same: bool) -> None:
    assert (mailbox(one) == mailbox(other)) is same
