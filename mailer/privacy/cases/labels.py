"""What the register's letters, alerts and exports call things, in both languages.  Pure."""

from mailer.privacy.models import Channel, Outcome, Right

RIGHTS = {
    "fr": {
        Right.ACCESS: "accès, article 15 du RGPD",
        Right.PORTABILITY: "portabilité, article 20 du RGPD",
        Right.RECTIFICATION: "rectification, article 16 du RGPD",
        Right.ERASURE: "effacement, article 17 du RGPD",
        Right.RESTRICTION: "limitation, article 18 du RGPD",
        Right.OBJECTION: "opposition, article 21 du RGPD",
        Right.WITHDRAWAL: "retrait du consentement, article 7 du RGPD",
        Right.DIRECTIVES: "directives après le décès, article 85 de la loi Informatique et Libertés",
        Right.UNCLEAR: "exercice de vos droits, RGPD",
    },
    "en": {
        Right.ACCESS: "access, article 15 of the GDPR",
        Right.PORTABILITY: "portability, article 20 of the GDPR",
        Right.RECTIFICATION: "rectification, article 16 of the GDPR",
        Right.ERASURE: "erasure, article 17 of the GDPR",
        Right.RESTRICTION: "restriction, article 18 of the GDPR",
        Right.OBJECTION: "objection, article 21 of the GDPR",
        Right.WITHDRAWAL: "withdrawal of consent, article 7 of the GDPR",
        Right.DIRECTIVES: "instructions after death, article 85 of the French data protection act",
        Right.UNCLEAR: "exercise of your rights, GDPR",
    },
}
SHORT = {
    "fr": {
        Right.ACCESS: "Accès", Right.PORTABILITY: "Portabilité", Right.RECTIFICATION: "Rectification",
        Right.ERASURE: "Effacement", Right.RESTRICTION: "Limitation", Right.OBJECTION: "Opposition",
        Right.WITHDRAWAL: "Retrait du consentement", Right.DIRECTIVES: "Directives après le décès",
        Right.UNCLEAR: "À préciser",
    },
    "en": {
        Right.ACCESS: "Access", Right.PORTABILITY: "Portability", Right.RECTIFICATION: "Rectification",
        Right.ERASURE: "Erasure", Right.RESTRICTION: "Restriction", Right.OBJECTION: "Objection",
        Right.WITHDRAWAL: "Withdrawal of consent", Right.DIRECTIVES: "Instructions after death",
        Right.UNCLEAR: "To be made clear",
    },
}  # fmt: skip
CHANNELS = {
    "fr": {
        Channel.LINK: "En ligne", Channel.EMAIL: "Courriel", Channel.POST: "Courrier",
        Channel.PHONE: "Téléphone", Channel.DESK: "Sur place", Channel.TERMINAL: "Terminal",
    },
    "en": {
        Channel.LINK: "Online", Channel.EMAIL: "Email", Channel.POST: "Post",
        Channel.PHONE: "Telephone", Channel.DESK: "In person", Channel.TERMINAL: "Terminal",
    },
}  # fmt: skip
OUTCOMES = {
    "fr": {
        Outcome.GRANTED: "Satisfaite", Outcome.NOTHING_HELD: "Rien n’est détenu",
        Outcome.REFUSED: "Refusée", Outcome.WITHDRAWN: "Abandonnée par la personne",
        Outcome.UNIDENTIFIED: "Personne non identifiée",
    },
    "en": {
        Outcome.GRANTED: "Granted", Outcome.NOTHING_HELD: "Nothing is held",
        Outcome.REFUSED: "Refused", Outcome.WITHDRAWN: "Given up by the person",
        Outcome.UNIDENTIFIED: "Person not identified",
    },
}  # fmt: skip
ENOUGH = {
    "fr": "Merci, ce que vous nous avez répondu nous suffit. Le délai court de nouveau.",
    "en": "Thank you, what you told us is enough. The time to answer you runs again.",
}
