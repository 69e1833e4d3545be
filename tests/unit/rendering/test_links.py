"""A link in a letter is a whole address: a letter lies on no site."""

import pytest

from mailer.rendering.markdown import is_whole, to_html

WHOLE = (
    "https://example.org/desk",
    "http://example.org",
    "mailto:zoe@example.org",
    "tel:+33320000000",
    "HTTPS://x.fr",
)
NOT_WHOLE = ("//evil.example", "/desk", "desk", "#top", "?q=1", "www.example.org", "javascript:alert(1)",
             "data:text/html,x", "https:/x", "https:///x", "http:\\\\evil.example", "https://x.fr\\@evil.example",
             "https://known.fr@evil.example",
             "https://known.fr%40evil.example", "file:///etc/passwd", "ftp://x.fr")  # fmt: skip


@pytest.mark.parametrize("address", WHOLE)
def test_whole_addresses_are_links(address: str) -> None:
    assert is_whole(address)
    assert "<a href=" in to_html(f"[ici]({address})")


@pytest.mark.parametrize("address", NOT_WHOLE)
def test_others_are_none(address: str) -> None:
    assert not is_whole(address)
    for source in (f"[ici]({address})", f"[ici]\n\n[ici]: {address}", f"[ici](<{address}>)"):
        assert "<a " not in to_html(source), source
