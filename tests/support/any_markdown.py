"""Markdown as authors write it, with the words that a reader has to find."""

import re

from hypothesis import strategies as st

from mailer.rendering.markdown_check import problems

MILD = {"md_bare", "md_emphasis", "md_product"}  # of which an author is warned
_PIECES = (  # what is typed, and the words that are read there
    ("mot", "mot"), ("l’été 2026", "l été"), ("**gras**", "gras"), ("*penché*", "penché"), ("`code`", "code"),
    ("[le site](https://x.fr/a?b=1&c=2)", "le site"), ("[appeler](tel:+33123456789)", "appeler"),
    ("[écrire](mailto:a@x.fr?subject=Un%20mot)", "écrire"), ("<https://x.fr/b>", ""), ("<a@x.fr>", ""),
    ("[au renvoi][r]", "au renvoi"), ("[r]", "r"), ("1. premier", "premier"), ("2. second", "second"),
    ("- puce", "puce"), ("- [ ] à faire", "à faire"), ("- [x] fait", "fait"), ("> cité", "cité"),
    ("1986. an", "an"), ("fin\\", "fin"), ("AT&T", "AT T"), ("AT&amp;T", "AT T"), ("3 < 4 > 2", ""),
    ("\\*étoile\\*", "étoile"), ("\\[crochets\\]", "crochets"), ("snake_case_ici", "snake case ici"),
    ('Bonjour {{ name | "lecteur" }}', "Bonjour lecteur"), ("50 %", ""),
    ("«\u00a0dit-elle\u00a0»", "dit elle"),
    ("-- ", ""), ("שלום", "שלום"), ("👍🏽", ""), ("", ""),
)  # fmt: skip
_JOINTS = (" ", "\n", "\n\n", "\n   ")
_REFERENCE = "\n\n[r]: https://x.fr/renvoi"
IN_ADDRESSES = {"https", "x", "fr", "a", "b"}  # words of links that are their own address


def _joined(pieces: list[tuple[tuple[str, str], str]]) -> tuple[str, list[str]]:
    source = "".join(typed + joint for (typed, _), joint in pieces) + _REFERENCE
    return source, words(" ".join(read for (_, read), _ in pieces))


def refused(source: str) -> list[str]:
    """The codes of what stops a letter with this text."""
    return [problem.code for problem in problems(source) if problem.code not in MILD]


def words(text: str) -> list[str]:
    """Words in order; figures may be a list's own."""
    found = re.findall(r"[^\W_]+", text)
    return [word for word in found if not word.isdigit() and word not in IN_ADDRESSES]


TEXTS = (
    st.lists(st.tuples(st.sampled_from(_PIECES), st.sampled_from(_JOINTS)), max_size=14)
    .map(_joined)
    .filter(lambda text: not refused(text[0]))
)
