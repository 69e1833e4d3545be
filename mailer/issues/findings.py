"""What the checks may find, and how it is said.  Pure."""

from dataclasses import dataclass
from typing import Literal

_SENTENCES = {
    "too_heavy": {
        "fr": "La lettre pèse {size} Ko : au-delà de {limit} Ko, Gmail la coupe. Retirez un bloc.",
        "en": "The letter weighs {size} KB: beyond {limit} KB Gmail clips it. Remove a block.",
    },
    "no_way_out": {
        "fr": "Le lien de désinscription manque dans la partie {part}.",
        "en": "The unsubscribe link is missing from the {part} part.",
    },
    "long_subject": {
        "fr": "L’objet fait {length} caractères : les téléphones n’en montrent qu’une quarantaine.",
        "en": "The subject has {length} characters: phones show about forty.",
    },
    "preheader_repeats": {
        "fr": "L’aperçu (preheader) répète l’objet : dites-y autre chose.",
        "en": "The preheader repeats the subject: say something else.",
    },
    "vague_link": {
        "fr": "Le lien « {label} » ne dit pas où il mène : un lecteur d’écran le lit seul.",
        "en": "The link “{label}” does not say where it leads: screen readers read it alone.",
    },
    "same_label": {
        "fr": "Deux liens « {label} » mènent à des adresses différentes : distinguez-les.",
        "en": "Two links “{label}” lead to different addresses: tell them apart.",
    },
    "plain_http": {
        "fr": "Le lien « {label} » n’est pas en https.",
        "en": "The link “{label}” is not https.",
    },
    "sample_link": {
        "fr": "Le lien « {label} » mène à une adresse d’exemple.",
        "en": "The link “{label}” leads to an example address.",
    },
    "long_alt": {
        "fr": "Le texte de remplacement de {src} dépasse {limit} caractères : résumez.",
        "en": "The alternative text of {src} is over {limit} characters: shorten it.",
    },
    "alt_is_name": {
        "fr": "Le texte de remplacement de {src} est un nom de fichier : dites ce que montre l’image.",
        "en": "The alternative text of {src} is a file name: say what the image shows.",
    },
    "past_deadline": {
        "fr": "La date limite de « {title} » sera passée au départ.",
        "en": "The deadline of “{title}” will be past when the letter leaves.",
    },
    "past_event": {
        "fr": "« {title} » sera passé au départ.",
        "en": "“{title}” will be over when the letter leaves.",
    },
    "no_colophon": {
        "fr": "Il n’y a pas d’ours (colophon) : la loi veut le nom du directeur de la publication.",
        "en": "There is no colophon: the law wants the publication director’s name.",
    },
    "demonstration": {
        "fr": "Ce numéro est marqué comme texte de démonstration.",
        "en": "This issue is marked as demonstration text.",
    },
}


@dataclass(frozen=True)
class Finding:
    """One thing to mend (error) or to look at (warning)."""

    level: Literal["error", "warning"]
    code: str
    where: str = ""  # the block: "blocks[3]", or empty for the whole issue
    values: tuple[tuple[str, str | int], ...] = ()

    def sentence(self, locale: str) -> str:
        return _SENTENCES[self.code][locale].format(**dict(self.values))
