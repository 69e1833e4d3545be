"""A delivery token is 58 letters and digits, comes back as it was made, and serves one purpose."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.core.settings import Settings
from mailer.core.tokens import BadToken, Purpose, issue_delivery, read_delivery

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
