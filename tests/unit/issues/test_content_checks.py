"""What the checks find in words, links, days and images: texts that are wrong, and texts that are well."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from mailer.core.i18n import LOCALES, words
from mailer.core.paths import templates_dir
from mailer.issues.checks import plain_language, reasons
from mailer.issues.checks.visits import Visit
from mailer.issues.findings import Finding
from mailer.issues.yaml_file import load
from tests.support.letters import (
    LEAVES,
    codes,
    codes_in,
    content_of,
    findings_in,
    picture,
    text_of,
)

WAITING = (
    "Lorem ipsum dolor sit amet", "Le XXX aura lieu.", "TODO", "Lieu : à compléter", "(à préciser)",
    "Venez le [date].",
    "Écrivez à [votre texte ici].", "Rendez-vous ???", "Texte à venir", "Le JJ/MM à Lille.",
)  # fmt: skip
READY = (
    "Un dossier à compléter avant mai.", "Elle dit que « [les maires] le feront ».", "Le texte [sic] est là.",
    "Une liste […] bien longue.", "XIXe siècle", "Les ampoules à remplacer.", "Que dire ?", "Modèle XX.",
)  # fmt: skip


@pytest.mark.parametrize("text", WAITING)
def test_words_that_wait_for_others_are_found(text: str) -> None:
    assert "placeholder" in codes_in(text)


@pytest.mark.parametrize("text", READY)
def test_words_that_only_look_so_are_left_alone(text: str) -> None:
    assert "placeholder" not in codes_in(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Le lundi 3 mars 2026 à Lille.", ["wrong_weekday"]),
        ("Le mardi 3 mars 2026 à Lille.", []),
        ("Rendez-vous mercredi 1er décembre.", ["wrong_weekday"]),
        ("Rendez-vous mardi 1er décembre.", []),
        ("Un samedi 14 juillet d’autrefois.", []),  # too far from the send to know of which year
        ("Avant le 31 février 2027.", ["no_such_day"]),
        ("Le 31 juin.", ["no_such_day"]),
        ("Répondez avant le 30 novembre 2026.", ["past_day"]),
        ("Ouvert jusqu’au 2 janvier 2027.", []),
        ("Inauguré le 12 mars 2024.", []),
        ("Mars 2024, 25 mai ou 3 mars.", []),
    ],
)
def test_days_in_french_sentences(text: str, expected: list[str]) -> None:
    assert [
        code for code in codes_in(text) if code in ("wrong_weekday", "no_such_day", "past_day")
    ] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("On Monday 3 March 2026.", ["wrong_weekday"]),
        ("On Tuesday, March 3rd, 2026.", []),
        ("Join us on Wednesday the 2nd of December.", []),
        ("Join us on Friday the 2nd of December.", ["wrong_weekday"]),
        ("Apply by 30 November 2026.", ["past_day"]),
        ("Open until March 3, 2027.", []),
        ("It may be 3 May or so.", []),
    ],
)
def test_days_in_english_sentences(text: str, expected: list[str]) -> None:
    found = codes_in(text, locale="en")
    assert [code for code in found if code in ("wrong_weekday", "no_such_day", "past_day")] == expected


def test_a_weekday_is_corrected_in_the_sentence() -> None:
    (finding,) = findings_in(text_of("Le lundi 3 mars 2026."))
    assert "le 3 mars 2026 est un mardi" in finding.sentence("fr")
    assert finding.why("fr") != finding.why("en")


def test_what_is_over_when_it_leaves() -> None:
    call = {"kind": "call", "title": "Appel", "deadline": "2026-11-30", "text": "Répondez."}
    entries = [{"date": "2026-11-01", "title": "Hier"}, {"date": "2026-12-01", "title": "Le jour même"}]
    assert codes(content_of(call, {"kind": "agenda", "title": "Agenda", "entries": entries})) == [
        ("past_deadline", "blocks[0].deadline"), ("past_event", "blocks[1].entries[0].date"),
    ]  # fmt: skip


LINKS: tuple[tuple[str, list[str]], ...] = (
    ("[cliquez ici](https://x.fr)", ["vague_link"]),
    ("[En savoir plus…](https://x.fr)", ["vague_link"]),
    ("[En savoir plus sur l’appel](https://x.fr)", []),
    ("[L’appel](http://x.fr)", ["plain_http"]),
    ("[L’appel](https://x.fr) et [l’appel](https://y.fr)", ["same_label"]),
    ("[L’appel](https://x.fr) et [l’appel](https://x.fr)", []),
    ("[L’appel](https://www.example.org/a)", ["sample_link"]),
    (f"<https://www.exemple.fr/{'a' * 40}>", ["address_as_words"]),
    ("<https://www.exemple.fr>", []),
)


@pytest.mark.parametrize(("text", "expected"), LINKS)
def test_the_words_and_addresses_of_links(text: str, expected: list[str]) -> None:
    assert codes_in(text) == expected


@pytest.mark.parametrize(
    ("visit", "expected"),
    [
        ((200, None), []), ((404, None), ["link_dead"]), ((410, None), ["link_dead"]),
        ((500, None), ["link_dead"]), ((403, None), ["link_guarded"]), ((429, None), ["link_guarded"]),
        ((None, "private"), ["visit_private"]), ((None, "timeout"), ["visit_timeout"]),
        ((None, "certificate"), ["visit_certificate"]),
    ],
)  # fmt: skip
def test_what_addresses_answered(visit: tuple[int | None, str | None], expected: list[str]) -> None:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    visits = {"https://x.fr/a": Visit(at, *visit), "https://x.fr/other": Visit(at, 404)}
    found = findings_in(text_of("[La page](https://x.fr/a#there)"), visits=visits)
    assert [finding.code for finding in found] == expected
    assert all(finding.sentence("fr") and finding.why("fr") for finding in found)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({"src": "photo.png", "alt": "Deux personnes devant une mairie"}, []),
        ({"src": "photo.png", "decorative": True}, []),
        ({"src": "photo.png", "alt": "photo.png"}, ["alt_is_name"]),
        ({"src": "a.png", "alt": "IMG_2041.JPG"}, ["alt_is_name"]),
        ({"src": "a.png", "alt": "Image"}, ["alt_useless"]),
        ({"src": "a.png", "alt": "---"}, ["alt_useless"]),
        ({"src": "a.png", "alt": "Photo de la mairie"}, ["alt_opening"]),
        ({"src": "a.png", "alt": "Photographies anciennes de la mairie"}, []),
        ({"src": "a.png", "alt": "mot " * 40}, ["long_alt"]),
        ({"src": "a.png", "alt": "La mairie", "decorative": True}, ["alt_and_decorative"]),
        ({"src": "a.png", "alt": "Le titre"}, ["alt_repeats"]),
    ],
)
def test_what_is_said_instead_of_an_image(image: dict[str, Any], expected: list[str]) -> None:
    article = {"kind": "article", "title": "Le titre", "text": "Un mot.", "image": image}
    found = findings_in(content_of(article), pictures={image["src"]: picture(1200)})
    assert [finding.code for finding in found] == expected


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("La lettre de décembre", []),
        ("Promo 16-18 : la DREETS vous écrit", []),
        ("LETTRE DU COMMISSARIAT", ["capitals"]),
        ("GRATUIT : venez vite", ["promises"]),
        ("Venez !!", ["promises"]),
        ("Un été gratuitement libre", ["promises"]),
        ("De l’eau vive", []),
        ("x" * 80, ["long_subject"]),
    ],
)
def test_a_subject_says_simply_what_is_inside(subject: str, expected: list[str]) -> None:
    found = codes_in("Un mot.", subject=subject)
    assert [code for code in found if code in ("capitals", "promises", "long_subject")] == expected


FRENCH_SLIPS = (
    ("Bonjour: venez", "typo_space"), ("Venez!", "typo_space"), ("50% des aides", "typo_space"),
    ("«mot»", "typo_space"),
    ("un \"mot\" dur", "typo_quotes"), ("l'État", "typo_apostrophe"), ("et puis...", "typo_ellipsis"),
    ("un mot , puis", "typo_comma"), ("Etat des lieux", "typo_accent"), ("A la une", "typo_accent"),
    ("Ile-de-France", "typo_accent"), ("un coeur", "typo_ligature"), ("la 2ème fois", "typo_ordinal"),
    ("à 14h30", "typo_hour"), ("dès 9h", "typo_hour"), ("Mr Dupont", "typo_short"),
    ("des mots etc...", "typo_short"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "code"), FRENCH_SLIPS)
def test_typography_that_a_rendering_does_not_mend(text: str, code: str) -> None:
    (finding,) = findings_in(text_of(text))
    assert (finding.code, finding.level, finding.where) == (code, "advice", "blocks[0].text")


@pytest.mark.parametrize(
    "text",
    [
        "Bonjour : venez !", "50 % des aides", "« mot »", "l’État…", "À 14 h 30", "Rendez-vous à 10:30",
        "2e fois",
        "Vitamine A la nuit", "Voyez <https://x.fr/l'a?b=1!>", "Un [lien](https://x.fr/a:b) : bon",
        "CAF, CPAM : non",
    ],
)  # fmt: skip
def test_typography_that_is_well(text: str) -> None:
    assert [code for code in codes_in(text) if code.startswith("typo_")] == []


def test_english_has_its_own_typography() -> None:
    assert codes_in('It is late: don’t wait! 50% of "them"', locale="en") == []
    assert codes_in("don't", locale="en") == ["typo_apostrophe"]


LONG = "Ce mot " + "est un mot " * 9 + "de trop."


def test_long_sentences_are_counted_one_by_one() -> None:
    found = findings_in(text_of(f"Court. {LONG} {LONG} Bref, 12 000 fois."))
    assert [(each.code, dict(each.values)["words"]) for each in found] == [("long_sentence", 31)] * 2
    assert all(each.level == "advice" for each in found)


def test_titles_and_initials_do_not_end_a_sentence() -> None:
    assert plain_language.sentences("M. Dupont et Mme. Durand. Puis art. 5.") == (
        "M. Dupont et Mme. Durand.", "Puis art. 5.",
    )  # fmt: skip


def test_acronyms_are_to_be_spelled_out_once() -> None:
    text = "La DREETS et le fonds social européen (FSE+). La CAF (caisse d’allocations). Un PDF, le XXIe."
    found = findings_in(
        content_of({"kind": "text", "text": text}, {"kind": "text", "text": "La DREETS, le FSE."})
    )
    assert [(each.code, each.where, each.values) for each in found] == [
        ("acronym", "blocks[0].text", (("acronym", "DREETS"),))
    ]


def test_a_line_in_capitals_holds_no_acronym() -> None:
    assert codes(content_of({"kind": "heading", "text": "ALERTE APPEL A PROJETS"})) == []


@pytest.mark.parametrize(
    ("text", "locale", "shown", "plain"),
    [
        ("Afin d'aider", "fr", "Afin d’", "pour"),
        ("Elle procédera à l’envoi", "fr", "procédera à", "faire"),
        ("dans  le cadre du plan", "fr", "dans  le cadre du", "pour le, pendant le, avec le"),
        ("in order to help", "en", "in order to", "to"),
    ],
)
def test_administrative_turns_have_a_plain_one(text: str, locale: str, shown: str, plain: str) -> None:
    assert plain_language.turns(text, locale) == ((shown, plain),)


@pytest.mark.parametrize("text", ["La viabilité", "Un écosystèmes marin", "les assises"])
def test_a_turn_is_made_of_whole_words(text: str) -> None:
    assert plain_language.turns(text, "fr") == ()


def test_the_lists_of_turns_are_long_and_say_something() -> None:
    counts = {locale: words("plain_language", locale)["turns"] for locale in LOCALES}
    assert len(counts["fr"]) >= 120
    assert len(counts["en"]) >= 60
    for locale, turns in counts.items():
        for turn, plain in turns.items():
            assert plain.strip(), turn
            assert len(turn) >= 3, turn
            ending = "ami" if turn.endswith("’") else ""
            example = turn.replace("*", "") + ending
            assert plain_language.turns(example, locale), turn


ENGLISH = (
    "The council has met with all of you and we are now ready to begin the work that is to be done for it."
)
FRENCH = (
    "Le conseil a été réuni avec vous et nous sommes prêts à commencer le travail qui est à faire pour eux."
)


@pytest.mark.parametrize(
    ("text", "locale", "code"), [(ENGLISH, "fr", "text_in_en"), (FRENCH, "en", "text_in_fr")]
)
def test_a_text_in_another_language_is_found(text: str, locale: str, code: str) -> None:
    assert code in codes_in(text, locale=locale)


@pytest.mark.parametrize(
    "text",
    [FRENCH, "Le « Fit for 55 » : a plan.", "Le programme The Future of the City and the People est suivi."],
)
def test_a_few_foreign_words_are_no_other_language(text: str) -> None:
    assert [code for code in codes_in(text) if code.startswith("text_in")] == []


@pytest.mark.parametrize("name", ["lettre/lettre.yaml", "letter-en/letter.yaml"])
def test_the_examples_have_nothing_to_be_warned_of_but_that_they_are_examples(name: str) -> None:
    content, images = load(templates_dir() / "examples" / name)
    pictures = {src: picture(image.width) for src, image in images.items()}
    found = findings_in(content, leaves=date(2024, 1, 15), pictures=pictures)
    assert {each.code for each in found if each.level != "advice"} == {"demonstration"}
    assert {each.code for each in found} <= {
        "demonstration",
        "long_sentence",
        "heavy_turn",
        "acronym",
        "typo_space",
    }
    if content.locale == "en":
        assert [each.code for each in found if each.level == "advice"] == ["long_sentence"] * 2


def test_every_sentence_has_its_reason_in_both_languages() -> None:
    for locale in LOCALES:
        said = words("checks", locale)
        used = {reasons.reason(code, said["why"]) for code in said["findings"]}
        assert used | {"markdown", "bad_link", "unfinished"} == set(said["why"])
        assert {
            code for code in said["findings"] if reasons.reason(code, said["why"]) == "unfinished"
        } == set()


def test_a_fault_without_a_reason_of_its_own_has_a_general_one() -> None:
    for code in ("md_table", "link_host", "missing"):
        assert Finding("error", code).why("fr")
    assert LEAVES.weekday() == 1
