"""Any Markdown is refused with a reason, or shown whole in both parts, with links that lead somewhere."""

import html
import re

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mailer.rendering import links
from mailer.rendering.markdown import to_html, to_text
from mailer.rendering.merge_fields import for_everybody
from tests.support.any_markdown import TEXTS, refused, words

RAW = re.compile(r"\{\{|\}\}|\]\(|~~|<[a-z/!]|&[a-z]+;|[\ue000-\uf8ff]")
SIGNS = st.text("ab 12.*_[]()<>&;#|~`\\\n-!:/+x\"'=^{}é", max_size=60)


def _seen(source: str) -> str:
    """What the HTML shows to somebody without a name."""
    page = re.sub(r"</?(?:em|strong|code|a)\b[^>]*>", "", for_everybody(str(to_html(source)), "fr"))
    return html.unescape(re.sub(r"<[^>]*>", " ", page))


def _read(source: str) -> str:
    """What the text part says, without the addresses that stand after the words of links."""
    return re.sub(r"\s*<(?:https?|mailto|tel):[^<>]*>", "", for_everybody(to_text(source), "fr"))


def _addresses(source: str) -> list[str]:
    in_html = [html.unescape(found) for found in re.findall(r'href="([^"]*)"', to_html(source))]
    return in_html + re.findall(r"<((?:https?|mailto|tel):[^<>]*)>", to_text(source))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_nothing_is_lost_nothing_is_raw_and_every_link_is_whole(text: tuple[str, list[str]]) -> None:
    source, expected = text
    for part in (_seen(source), _read(source)):
        assert words(part) == expected
        assert not RAW.search(part), part
    assert [address for address in _addresses(source) if links.fault(address)] == []


@settings(max_examples=400, deadline=None)
@given(SIGNS)
def test_any_signs_are_refused_or_say_the_same_in_both_parts(source: str) -> None:
    assume(not refused(source))
    assert words(_seen(source)) == words(_read(source))
    assert [address for address in _addresses(source) if links.fault(address)] == []
