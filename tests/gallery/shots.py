"""The pictures to take, in this order: a page, what is done there first, and a sentence about it."""

from dataclasses import dataclass

from tests.gallery import steps
from tests.gallery.sample_data import CAMILLE, LEA, MOVED, PASSWORD, reader
from tests.gallery.steps import Step, choose, fill, press, tick, unfold

DESK = "desk"


@dataclass(frozen=True)
class Shot:
    """`path` may name what `furnish` made, in braces.  `who`: nobody, the desk, or whose rights session."""

    name: str
    path: str
    words: str
    does: tuple[Step, ...] = ()
    who: str = ""
    lang: str = "fr"


_LETTER = (
    Shot("home", "/lettre/", "The home of a newsletter: what it is, the form, the latest issues."),
    Shot("home-faults", "/lettre/",
         "What is missing is said above and beside each field; nothing typed is lost.",
         (fill(email="nina@"), press("M’abonner"))),
    Shot("check", "/lettre/check-your-mail",
         "After the form, whoever signed up: the same page for everybody."),
    Shot("confirm", "/confirm/{confirm}", "The confirmation link: opening it does nothing, the button does."),
    Shot("welcome", "/confirm/{confirm}", "Confirmed.", (press("Oui, je confirme"),)),
    Shot("already", "/confirm/{confirm}", "The same link, opened once more."),
    Shot("own-word", "/confirm/{own_word}",
         "A reader who was imported, and who then signed up: their own consent, if they give it."),
    Shot("own-word-given", "/confirm/{own_word}", "Given.", (press("Oui, je donne mon accord"),)),
    Shot("expired", "/confirm/{expired}", "A confirmation link after its week, and the way on."),
    Shot("cut", "/confirm/cut", "A link that a mail program cut in two."),
    Shot("newsletters", "/", "The body’s newsletters, where it has several."),
    Shot("archive", "/lettre/archive", "What was published, the newest first, with its own feed."),
    Shot("archive-search", "/lettre/archive?q=chauffer", "A search in the issues, by what they say."),
    Shot("archive-nothing", "/lettre/archive?q=astronomie", "A search that finds nothing."),
    Shot("issue", "/lettre/issues/{closed}", "An issue on the web, with nobody’s name in it."),
    Shot("embed", "/lettre/embed", "The form as it stands in the frame of another site."),
    Shot("embed-sent", "/lettre/embed/check-your-mail", "The answer in that frame."),
    Shot("embed-code", "/lettre/embed/code", "What to paste into another site."),
    Shot("home-english", "/lettre/", "The home in English.", lang="en"),
    Shot("home-dsfr", "/appels/", "The home of a newsletter in the dsfr theme."),
)  # fmt: skip

_CHOICES = (
    Shot("preferences", "/preferences", "Preferences begin with a link to the mailbox."),
    Shot("preferences-sent", "/preferences/check-your-mail", "The same answer, whatever was typed."),
    Shot("preferences-link", "/preferences/{preferences}",
         "The link shows nothing about anybody until its button."),
    Shot("preferences-form", "/preferences/{preferences}",
         "Which letters, which name, which language, and a pause.", (press("Oui, ouvrir mes préférences"),)),
    Shot("preferences-saved", "/preferences/{preferences}", "Saved, with a pause.",
         (press("Oui, ouvrir mes préférences"), tick("n-appels"), fill(paused_until="2027-02-01"),
          press("Enregistrer"))),
    Shot("preferences-fault", "/preferences/{preferences}", "A day that is over.",
         (press("Oui, ouvrir mes préférences"), fill(paused_until="2020-01-01"), press("Enregistrer"))),
    Shot("preferences-frozen", "/preferences/{frozen}",
         "While one’s data are restricted nothing changes, here either.",
         (press("Oui, ouvrir mes préférences"),)),
    Shot("preferences-over", "/preferences/over", "A preferences link after its hour."),
    Shot("leave", "/u/{leave}", "The unsubscribe link names the newsletter, never an address."),
    Shot("left", "/u/{leave}", "Unsubscribed; why is a question one may leave open.",
         (press("Oui, me désinscrire"),)),
    Shot("left-thanks", "/u/{leave}", "The reason is counted, and tied to nobody.",
         (press("Oui, me désinscrire"), tick("too_often"), press("Envoyer"))),
    Shot("back", "/back/{back}", "The undo that the goodbye mail offers."),
    Shot("still", "/still/{still}", "Asked once, after years of silence: do you still want this?"),
    Shot("still-kept", "/still/{still}", "Yes: for years to come.", (press("Oui, je veux continuer"),)),
    Shot("leave-dsfr", "/u/{leave_calls}", "Leaving, in the dsfr theme."),
)  # fmt: skip

_RIGHTS = (
    Shot("rights", "/rights", "What anybody may ask, and the form that sends the way in."),
    Shot("rights-fault", "/rights", "An address that is not whole.",
         (fill(email="camille@"), press("Recevoir"))),
    Shot("rights-sent", "/rights/check-your-mail", "The same answer, whatever was typed."),
    Shot("rights-link", "/rights/{rights}",
         "The link, good for half an hour and once; opening it does not use it up."),
    Shot("rights-home", "/rights/yours", "What one can do, for half an hour.", who=CAMILLE),
    Shot("rights-data", "/rights/yours", "What is held, why, since when, on what wording, and what was sent.",
         (press("Voir mes données"),), CAMILLE),
    Shot("rights-correct", "/rights/yours/correct",
         "A name and a language change at once; an address, when its mailbox agrees.", who=CAMILLE),
    Shot("rights-correct-fault", "/rights/yours/correct", "An address that is not whole.",
         (fill(email="camille@"), press("Demander ce changement")), CAMILLE),
    Shot("rights-corrected", "/rights/yours/correct", "Corrected.",
         (fill(name="Camille"), press("^Corriger$")), CAMILLE),
    Shot("new-address", "/rights/new-address/{new_address}", "The new mailbox is asked."),
    Shot("new-address-done", "/rights/new-address/{new_address}", "Its letters come here from now on.",
         (press("Oui, recevoir"),)),
    Shot("rights-second-address", "/rights/yours/correct", "A second change waits until the first can stay.",
         (fill(email="encore.une@example.net"), press("Demander ce changement")), MOVED),
    Shot("rights-erasing", "/rights/yours/erasure", "Mail stops; the old mailbox may still undo the change.",
         (fill(email=MOVED), press("Effacer")), MOVED),
    Shot("old-address", "/rights/old-address/{old_address}",
         "The old mailbox is told, and may undo it for a week."),
    Shot("old-address-done", "/rights/old-address/{old_address}",
         "Undone: the other mailbox’s links are dead.", (press("Oui, annuler"),)),
    Shot("rights-restriction", "/rights/yours/restriction",
         "Restriction: nothing is sent, changed or purged.", who=reader(10)),
    Shot("rights-restricted", "/rights/yours/restriction", "Restricted, since when, and how to end it.",
         (press("Geler"),), reader(10)),
    Shot("rights-thaw", "/rights/yours/thaw", "The end of it, when its person says so.", who=reader(10)),
    Shot("rights-objection", "/rights/yours/objection", "Objection: no reason is asked.", who=reader(11)),
    Shot("rights-objected", "/rights/yours/objection",
         "From then on only its owner can bring the address back.", (press("M’opposer"),), reader(11)),
    Shot("rights-withdrawal", "/rights/yours/withdrawal", "Every letter stopped at once.", who=reader(12)),
    Shot("rights-directives", "/rights/yours/directives",
         "What is to become of one’s data after one’s death.", who=CAMILLE),
    Shot("rights-erasure", "/rights/yours/erasure", "Erasure: the address once more, and a wish for ever.",
         who=reader(13)),
    Shot("rights-erasure-fault", "/rights/yours/erasure", "Nobody erases by a slip.",
         (fill(email="camille.durand@example.net"), press("Effacer")), reader(13)),
    Shot("rights-erased", "/rights/yours/erasure", "The certificate: what stays, and until when.",
         (fill(email=reader(13)), tick("never_again"), press("Effacer")), reader(13)),
    Shot("rights-over", "/rights/yours", "A session that is over."),
    Shot("rights-english", "/rights", "The way in, in English.", lang="en"),
    Shot("rights-data-english", "/rights/yours", "What is held, in English.", (press("See my data"),),
         CAMILLE, "en"),
)  # fmt: skip

_LAW = (
    Shot("privacy", "/privacy", "The privacy notice, made from the settings."),
    Shot("legal", "/legal", "Mentions légales."),
    Shot("accessibility", "/accessibility", "The accessibility statement."),
    Shot("privacy-english", "/privacy", "The privacy notice in English.", lang="en"),
    Shot("nowhere", "/nowhere/", "A page that does not exist."),
)

_DESK = (
    Shot("login", "/login", "The way to the desk."),
    Shot("login-fault", "/login", "A wrong password and an unknown address read the same.",
         (fill(email=LEA, password="pas le bon"), press("Se connecter"))),
    Shot("login-wait", "/login", "Guesses are slowed down; nobody is locked out.",
         (steps.fill_places, fill(email=LEA, password="pas le bon"), press("Se connecter"))),
    Shot("desk-account", "/desk/account", "One’s password, and where one is logged in.",
         (steps.log_in_elsewhere,), DESK),
    Shot("desk-account-fault", "/desk/account", "A password that is quickly guessed.",
         (fill(current=PASSWORD, new="azertyuiop123", again="azertyuiop123"),
          press("Changer le mot de passe")), DESK),
    Shot("desk", "/desk/", "The issues, and how far those are that leave.", who=DESK),
    Shot("desk-newsletters", "/desk/newsletters", "The newsletters.", who=DESK),
    Shot("desk-draft", "/desk/issues/{draft}", "A draft: what the checks found, and the letter beside it.",
         who=DESK),
    Shot("desk-draft-fault", "/desk/issues/{draft}", "A time that is over.",
         (fill(day="2026-12-01", time="08:00"), press("Programmer")), DESK),
    Shot("desk-send", "/desk/issues/{draft}/send", "Before it leaves: to how many, and what the checks say.",
         who=DESK),
    Shot("desk-planned", "/desk/issues/{planned}", "Approved, frozen, and due.", who=DESK),
    Shot("desk-leaving", "/desk/issues/{leaving}", "An issue on its way, row by row.", who=DESK),
    Shot("desk-cancel", "/desk/issues/{leaving}/cancel", "Cancelling is asked about.", who=DESK),
    Shot("desk-issue", "/desk/issues/{closed}", "An issue that has left: every message is accounted for.",
         who=DESK),
    Shot("desk-certificate", "/desk/issues/{closed}/certificate", "Its certificate.", who=DESK),
    Shot("desk-people", "/desk/people", "Where people are taken over from a file.", who=DESK),
    Shot("desk-people-fault", "/desk/people", "No import without a source.",
         (steps.give_file, press("Vérifier")), DESK),
    Shot("desk-import", "/desk/people",
         "A file looked at: its columns, and why lines are refused; nothing is taken yet.",
         (choose(newsletter="lettre"), fill(source="Inscriptions à l’accueil du centre social, depuis 2024"),
          steps.give_file, press("Vérifier"), steps.let_worker_import),
         DESK),
    Shot("desk-imported", "/desk/people/imports/{import}", "The same, once somebody said go.",
         (press("^Importer$"), steps.let_worker_import), DESK),
    Shot("desk-import-undo", "/desk/people/imports/{import}/undo", "An import can be undone, whole.",
         who=DESK),
    Shot("desk-register", "/desk/rights", "The register of rights requests: late and soon due first.",
         who=DESK),
    Shot("desk-register-closed", "/desk/rights?closed=1", "The cases that are over.", who=DESK),
    Shot("desk-case", "/desk/rights/{case}", "A case: its clock, its history, and what may be done.",
         who=DESK),
    Shot("desk-case-paused", "/desk/rights/{paused}",
         "A case whose clock stands, until its person has answered.", who=DESK),
    Shot("desk-case-extend", "/desk/rights/{case}", "A letter is read over before it leaves.",
         (unfold("Prolonger"), fill(**{"words-extend": "Des dossiers sur papier sont à retrouver."}),
          press("Relire la lettre")),
         DESK),
    Shot("desk-case-new", "/desk/rights/new", "A case for a request that came by post or by phone.",
         who=DESK),
    Shot("desk-case-new-fault", "/desk/rights/new", "Nobody to answer to.", (press("Ouvrir le dossier"),),
         DESK),
    Shot("desk-components", "/desk/components",
         "Every component, in each state and colour scheme.", who=DESK),
    Shot("desk-components-dsfr", "/desk/components?theme=dsfr", "The same in the dsfr theme.", who=DESK),
    Shot("desk-issue-english", "/desk/issues/{leaving}", "An issue on its way, in English.", who=DESK,
         lang="en"),
    Shot("desk-unknown", "/desk/issues/{closed}", "Four messages whose reply was lost: a person decides.",
         (steps.lose_replies,), DESK),
    Shot("desk-resend", "/desk/issues/{closed}/resend",
         "Sending them again may bring some people two copies.", who=DESK),
)  # fmt: skip

_REST = (
    Shot("letter", "/desk/issues/{closed}/preview", "The letter as it reaches a mailbox.", who=DESK),
    Shot("letter-without-images", "/desk/issues/{closed}/preview",
         "The same where images are not loaded: it says it all in words.", (steps.block_images,), DESK),
    Shot("maintenance", "/lettre/",
         "After a restore nothing about people is served until their wishes were replayed.", (steps.disarm,)),
)  # fmt: skip

CHAPTERS = {
    "Signing up and reading": _LETTER,
    "Choosing and leaving": _CHOICES,
    "Rights": _RIGHTS,
    "What the law wants said": _LAW,
    "The desk": _DESK,
    "The letter, and a day of maintenance": _REST,
}
SHOTS = (
    *_DESK,
    *_LETTER,
    *_CHOICES,
    *_RIGHTS,
    *_LAW,
    *_REST,
)  # the desk first, before readers give it more to do

KEPT = (  # the pictures that docs/pages shows: which shot, how wide, in which scheme
    ("letter", 1280, "light"),
    ("letter", 390, "dark"),
    ("home", 1280, "light"),
    ("home", 390, "dark"),
    ("preferences-form", 390, "light"),
    ("rights-home", 390, "light"),
    ("rights-data", 1280, "light"),
    ("desk", 1280, "light"),
    ("desk-issue", 1280, "light"),
    ("desk-certificate", 1280, "light"),
    ("desk-import", 1280, "light"),
    ("desk-register", 1280, "dark"),
)
