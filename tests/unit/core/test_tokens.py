"""Tokens of deliveries and notices are letters and digits, come back as made, and serve one purpose."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.core.settings import Settings
from mailer.core.tokens import (
    BadToken,
    Purpose,
    issue_delivery,
    issue_notice,
    read_delivery,
    read_notice,
)

POSITIONS = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True, scope="module")
def _keys(settings: Settings) -> None:
    """The tokens' keys are the installation's."""


@given(send_id=st.uuids(), position=POSITIONS)
def test_what_was_issued_is_read(send_id: UUID, position: int) -> None:
    token = issue_delivery(Purpose.UNSUBSCRIBE, send_id, position)
    assert read_delivery(Purpose.UNSUBSCRIBE, token) == (send_id, position)
    assert read_delivery(Purpose.UNSUBSCRIBE, token.upper()) == (send_id, position)
    assert re.fullmatch("[a-z0-9]{58}", token)


@given(send_id=st.uuids(), position=POSITIONS)
def test_of_another_purpose_it_is_nothing(send_id: UUID, position: int) -> None:
    token = issue_delivery(Purpose.RETURN_PATH, send_id, position)
    with pytest.raises(BadToken):
        read_delivery(Purpose.MESSAGE_ID, token)


@given(token=st.text(max_size=80), cut=st.integers(0, 57))
def test_anything_else_is_refused(token: str, cut: int) -> None:
    for bad in (token, issue_delivery(Purpose.UNSUBSCRIBE, UUID(int=1), 1)[:cut]):
        with pytest.raises(BadToken):
            read_delivery(Purpose.UNSUBSCRIBE, bad)


@given(notice_id=st.uuids(), cut=st.integers(0, 49), letter=st.integers(0, 49))
def test_a_notice_token_is_read_whole_or_not_at_all(notice_id: UUID, cut: int, letter: int) -> None:
    token = issue_notice(Purpose.NOTICE_RETURN_PATH, notice_id)
    assert re.fullmatch("[a-z0-9]{50}", token)
    assert read_notice(Purpose.NOTICE_RETURN_PATH, token.upper()) == notice_id
    other = "a" if token[letter] != "a" else "b"
    for bad in (token[:cut], token[:letter] + other + token[letter + 1 :]):
        with pytest.raises(BadToken):
            read_notice(Purpose.NOTICE_RETURN_PATH, bad)
