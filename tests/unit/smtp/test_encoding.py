"""What leaves is quoted-printable that any reader decodes to what was meant."""

import quopri
import re

from hypothesis import given
from hypothesis import strategies as st

from mailer.smtp.encoding import hole, quoted_printable

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=300)


@given(TEXT)
def test_it_decodes_to_the_text_with_crlf(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode()
    assert quopri.decodestring(quoted_printable(text)) == expected


@given(TEXT)
def test_its_lines_need_no_stuffing_and_are_their_own_canonical_form(text: str) -> None:
    encoded = quoted_printable(text)
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith(b".")
        assert not re.search(rb"[\r\n\t]|  | \Z", line)


@given(TEXT.filter(lambda text: "\r" not in text and "\n" not in text))
def test_a_hole_between_soft_breaks_is_its_value(value: str) -> None:
    assert quopri.decodestring(b"a=\r\n" + hole(value) + b"=\r\nb") == b"a" + value.encode() + b"b"
