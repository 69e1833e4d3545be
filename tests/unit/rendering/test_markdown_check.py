"""What a letter would show as it is typed, and links that lead nowhere, are named where they are."""

import pytest

from mailer.rendering.markdown_check import MarkdownLink, links_of, problems


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("un\n\n# Un titre", ["md_heading"]),
        ("Un titre\n========", ["md_heading"]),
        ("De ici\n-- \nsignature", []),
        ("| a | b |\n|---|---|\n| 1 | 2 |", ["md_table"]),
        ("![une image](https://x.fr/a.png)", ["md_image"]),
        ("a\n\n---\n\nb", ["md_rule"]),
        ("```\ncode\n```", ["md_code"]),
        ("<b>du HTML</b> et <br>", ["md_html", "md_html"]),
        ("<div>\nun bloc\n</div>", ["md_html"]),
        ("<!-- rien -->", ["md_html"]),
        ("3 < 4 > 2 et AT&T et <a@x.fr>", []),
        ("~~barré~~", ["md_struck"]),
        ("[par renvoi][1]", ["md_reference"]),
        ("[par renvoi][1]\n\n[1]: https://x.fr", []),
        ("[1]: https://x.fr", ["md_unused"]),
        ("[1]: mon fichier.pdf", ["md_reference"]),
        ("[a][1]\n\n[1]: /page", ["link_relative"]),
        ("une note[^1]", ["md_footnote"]),
        ("[sic] […] (a)[1]", []),
        ("\\[a\\](b) et `[a](b)`", []),
        ("{{ name }", ["md_braces"]),
        ("*|FNAME|* {% if x %} [[prenom]] ${nom} %%nom%%", ["md_other_tool"] * 5),
        ("nu : https://x.fr/a et www.x.fr.", ["md_bare", "md_bare"]),
        ("<https://x.fr/a>", []),
        ("<www.x.fr>", ["link_no_scheme"]),
        ("**gras", ["md_emphasis"]),
        ("2*3*4 et `2*3*4` et *bien*", ["md_product"]),
        ("[](https://x.fr)", ["link_no_words"]),
        ('[a](https://x.fr "un titre")', ["md_title"]),
        ("[le PDF](https://x.fr/mon fichier.pdf)", ["link_broken"]),
        ("[le PDF](<https://x.fr/mon fichier.pdf>)", ["link_spaces"]),
        ("[a](javascript:alert(1)) [b](data:x,y) [c]()", ["link_scheme", "link_scheme", "link_empty"]),
        ("    du texte en retrait, et [un lien](/page)", ["link_relative"]),
    ],
)
def test_each_kind_is_named(source: str, codes: list[str]) -> None:
    assert [problem.code for problem in problems(source)] == codes


def test_a_problem_knows_its_line_and_its_words() -> None:
    (problem,) = problems("un\n\ndeux\ntrois [la page](/page)")
    assert (problem.line, problem.label, problem.shown) == (3, "la page", "/page")


def test_every_link_is_found_however_it_is_written() -> None:
    source = "[a](https://x.fr/é) <https://x.fr/b> [c **d**][r]\n\n[r]: http://x.fr/r"
    assert list(links_of(source)) == [
        MarkdownLink("a", "https://x.fr/é"),
        MarkdownLink("https://x.fr/b", "https://x.fr/b"),
        MarkdownLink("c d", "http://x.fr/r"),
    ]
