"""Issue files as people write them: each thing that would be received wrong is named, all at once."""

import re
from pathlib import Path

import pytest

from mailer.issues.yaml_file import IssueFileError, load

FILES = Path(__file__).parent / "files"


def _faults(name: str, locale: str = "fr") -> list[str]:
    with pytest.raises(IssueFileError) as caught:
        load(FILES / f"{name}.yaml")
    return re.sub("[\u00a0\u202f]", " ", caught.value.sentence(locale)).splitlines()


def test_every_bad_link_is_named_with_its_line_and_block() -> None:
    faults = _faults("links")
    for line, field, what in (
        (11, "blocks[0].text", "[plus bas](#bas) : une ancre"),
        (11, "blocks[0].text", "[notre site](www.exemple.fr/page) : il manque https://"),
        (11, "blocks[0].text", "[la page](/page) : l’adresse est relative"),
        (11, "blocks[0].text", "[rien]() : l’adresse est vide"),
        (
            11,
            "blocks[0].text",
            "[le PDF](https://www.exemple.fr/mon fichier.pdf) : ce lien sera montré tel quel",
        ),
        (11, "blocks[0].text", "[clic](javascript:alert(1)) : ce genre d’adresse"),
        (11, "blocks[0].text", "[data](data:text/html,x) : ce genre d’adresse"),
        (11, "blocks[0].text", "[ftp](ftp://ftp.exemple.fr/x) : ce genre d’adresse"),
        (13, "blocks[0].text", "« www.exemple.fr » n’est pas un lien"),
        (20, "blocks[0].links[1].url", "https://www.exemple.fr/mon fichier.pdf : une espace"),
        (23, "blocks[0].links[4].url", "dans un texte, le signe & s’écrit %26"),
        (24, "blocks[0].links[5].url", "tel:+33 1 23 45 67 89 : une espace"),
    ):
        start = f"links.yaml, ligne {line}, {field} : "
        assert any(fault.startswith(start) and what in fault for fault in faults), what
    assert not any("barres" in fault.lower() or "renvoi" in fault for fault in faults)


def test_a_merge_field_is_refused_by_name_where_none_is_filled() -> None:
    faults = _faults("merge2")
    places = [fault.split(" : ")[0] for fault in faults]
    assert places == [
        f"merge2.yaml, ligne {line}, {field}"
        for line, field in (
            (2, "title"), (3, "subject"), (8, "blocks[0].text"), (10, "blocks[1].text"),
            (12, "blocks[2].label"), (13, "blocks[2].url"),
        )
    ]  # fmt: skip
    assert all("{{ name }}" in fault for fault in faults)
    assert sum("ne sont pas remplis ici" in fault for fault in faults) == 3
    assert sum('{{ name | "lecteur" }}' in fault for fault in faults) == 3


def test_what_markdown_has_and_a_letter_has_not_names_the_block_to_use() -> None:
    faults = _faults("text")
    told = "\n".join(faults)
    for line, block in ((32, "heading"), (34, "image"), (36, "figures"), (40, "divider")):
        (fault,) = [fault for fault in faults if fault.startswith(f"text.yaml, ligne {line},")]
        assert f"« {block} »" in fault
    for raw in ("<b>", "<br>", "~~", "2*3*4"):
        assert f"« {raw} »" in told
    assert "tables in Markdown are not accepted" in "\n".join(_faults("text", "en"))


def test_a_file_of_windows_and_a_small_picture_are_taken() -> None:
    assert load(FILES / "bom-crlf.yaml")[0].title == "Avec BOM"
    _, images = load(FILES / "smallimg.yaml")
    assert [image.width for image in images.values()] == [80]
