"""Every fault of an issue file is named with its line, in the author's language."""

import re
from datetime import time
from pathlib import Path

import pytest

from mailer.issues.blocks import Agenda, Report
from mailer.issues.yaml_file import IssueFileError, load

HEAD = "newsletter: lettre\ntitle: t\nsubject: s\npreheader: p\nblocks:\n"


def _error(folder: Path, text: str, locale: str = "fr") -> str:
    file = folder / "lettre.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(IssueFileError) as caught:
        load(file)
    return re.sub(
        "[\u00a0\u202f]", " ", caught.value.sentence(locale)
    )  # where lines may break is no matter here


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("  - kind: txt\n", "lettre.yaml, ligne 6, blocks[0] : genre de bloc inconnu"),
        ("  - kind: text\n", "lettre.yaml, ligne 6, blocks[0].text : champ obligatoire manquant"),
        (
            "  - kind: heading\n    text: a\n    titel: b\n",
            "ligne 8, blocks[0].titel : champ inconnu (vouliez-vous",
        ),
        (
            "  - kind: call\n    title: a\n    text: b\n    deadline: le 17 mai\n",
            "lettre.yaml, ligne 9, blocks[0].deadline : un jour s’écrit 2026-12-31",
        ),
        (
            "  - kind: image\n    image:\n      src: absent.png\n      alt: x\n",
            "lettre.yaml, ligne 8, absent.png : fichier introuvable",
        ),
        (
            "  - kind: figures\n    figures:\n      - {value: '1', label: a, more: b}\n",
            "ligne 8, blocks[0].figures[0].more : champ inconnu",
        ),
    ],
)
def test_a_fault_is_told_with_its_line_and_field(tmp_path: Path, block: str, expected: str) -> None:
    assert expected in _error(tmp_path, HEAD + block)


def test_broken_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    assert _error(tmp_path, "title: [a\nsubject: b\n").startswith("lettre.yaml, ligne 2 : YAML")


def test_figures_need_no_quotes(tmp_path: Path) -> None:
    file = tmp_path / "lettre.yaml"
    entry = "  - kind: agenda\n    title: t\n    entries: [{date: 2026-12-01, start: 14:30, title: t}]\n"
    report = "  - {kind: report, title: t, place: p, departement: 02, text: t}\n"
    file.write_text(HEAD + entry + report, encoding="utf-8")
    agenda, visit = load(file)[0].blocks
    assert isinstance(agenda, Agenda)
    assert isinstance(visit, Report)
    assert (agenda.entries[0].start, visit.departement) == (time(14, 30), "02")


def test_a_day_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    assert "ligne 6, date : un jour s’écrit 2026-12-31" in _error(tmp_path, HEAD + "date: 2026-13-45\n")


@pytest.mark.parametrize(
    "body", [b"title: \xf4\n", b"title: \x00\n", b"- " * 5000, b"", b"1: 2\n", b"\xff\xfe"]
)
def test_what_is_no_issue_file_at_all_is_one_sentence(tmp_path: Path, body: bytes) -> None:
    file = tmp_path / "lettre.yaml"
    file.write_bytes(body)
    with pytest.raises(IssueFileError) as caught:
        load(file)
    assert caught.value.sentence("fr").startswith("lettre.yaml, ligne 1")


def test_an_unknown_merge_field_is_told_in_the_author_s_language(tmp_path: Path) -> None:
    text = HEAD + "  - {kind: text, text: 'Bonjour {{ prénom }}'}\n"
    assert "champ de fusion inconnu, prénom ; connus : greeting, name" in _error(tmp_path, text)
    assert "unknown merge field prénom; known: greeting, name" in _error(tmp_path, text, "en")


def test_in_english_too(tmp_path: Path) -> None:
    assert "lettre.yaml, line 6, blocks[0].text: missing" in _error(tmp_path, HEAD + "  - kind: text\n", "en")


def test_an_image_must_be_one_and_stay_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not an image")
    block = "  - kind: image\n    image: {src: %s, alt: x}\n"
    assert "ce n’est pas une image" in _error(tmp_path, HEAD + block % "a.png")
    assert "dans le dossier" in _error(tmp_path, HEAD + block % "../../etc/passwd")
