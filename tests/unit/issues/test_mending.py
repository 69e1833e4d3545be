"""What a button mends: the words that a code names, in one block, and nothing else of it."""

from typing import Any

import pytest

from mailer.core.i18n import LOCALES, words
from mailer.issues.acknowledgement import key, missing, recorded, warned
from mailer.issues.checks.mending import button, mended
from mailer.issues.findings import advice, warning

NB = "\u00a0"
TEXT = {
    "kind": "text",
    "text": "Oui: [a](http://x.fr/b:c), http://y.fr",
    "links": [{"label": "a: b", "url": "http://z.fr"}],
}
SPACED = {
    "kind": "text",
    "text": f"Oui{NB}: [a](http://x.fr/b:c), http://y.fr",
    "links": [{"label": f"a{NB}: b", "url": "http://z.fr"}],
}
SECURED = {
    "kind": "text",
    "text": "Oui: [a](https://x.fr/b:c), http://y.fr",
    "links": [{"label": "a: b", "url": "https://z.fr"}],
}
BUTTON = {"kind": "button", "label": "http://a", "url": "https://z.fr/?u=http://y.fr"}


@pytest.mark.parametrize(
    ("code", "block", "expected"),
    [
        ("typo_space", TEXT, SPACED),
        ("plain_http", TEXT, SECURED),
        ("plain_http", BUTTON, BUTTON),
        ("alt_and_decorative", {"image": {"alt": "a", "decorative": True}}, {"image": {"alt": "a"}}),
    ],
)  # fmt: skip
def test_a_block_is_mended_where_the_code_says(
    code: str, block: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert mended(block, code, "fr") == expected
    assert mended(expected, code, "fr") == expected


def test_every_button_has_its_words_and_advice_on_style_has_none() -> None:
    buttons = {button(code) for code in words("checks", "fr")["findings"]} - {None}
    assert buttons == set(words("checks", "fr")["mend"])
    assert button("long_sentence") is None
    assert set(LOCALES) == {"fr", "en"}


DOCUMENT: dict[str, Any] = {
    "subject": "s",
    "blocks": [{"id": "a", "revision": 1, "kind": "text", "text": "un"}, {"id": "b", "kind": "text",
    "text": "deux"}],
}  # fmt: skip


def _moved() -> dict[str, Any]:
    first, second = DOCUMENT["blocks"]
    return {"subject": "other", "blocks": [second, dict(first) | {"revision": 9}]}


def test_a_warning_keeps_its_key_as_long_as_its_words() -> None:
    before, after = (
        warning("vague_link", "blocks[0]", label="ici"),
        warning("vague_link", "blocks[1]", label="ici"),
    )
    assert key(before, DOCUMENT) == key(after, _moved())
    changed = {"blocks": [{"id": "a", "kind": "text", "text": "un autre"}]}
    assert key(before, DOCUMENT) != key(before, changed)
    assert key(before, DOCUMENT) != key(warning("vague_link", "blocks[0]", label="lien"), DOCUMENT)
    assert key(warning("demonstration"), DOCUMENT) == key(warning("demonstration"), changed)


def test_warnings_alone_are_asked_about_and_each_once() -> None:
    found = [
        warning("demonstration"),
        warning("demonstration"),
        advice("long_sentence", "blocks[0].text", shown="un", words=30),
    ]
    (asked,) = warned(found, DOCUMENT, known=())
    assert missing([asked], ()) == [asked]
    assert missing([asked], [asked.key]) == []
    assert missing(warned(found, DOCUMENT, known=[asked.key]), ()) == []
    (kept,) = recorded([asked], "fr")
    assert (kept["code"], kept["where"], kept["sentence"]) == (
        "demonstration", "", asked.finding.sentence("fr"),
    )  # fmt: skip
