"""List what holds personal data, in the database and outside it, and what each right does to it.

A test fails when a column is missing here (test_holdings.py), another when planted values turn up where this
list says they cannot be (test_canary.py).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

_T = TypeVar("_T", bound=StrEnum)


class Whose(StrEnum):
    """Name whom data are about."""

    PERSON = "person"  # whoever is, was, or asks about being written to
    STAFF = "staff"
    NOBODY = "nobody"


class Access(StrEnum):
    """Name what access (articles 15 and 20) gives of data."""

    GIVEN = "given"  # as it stands
    SUMMED_UP = "summed up"  # what it comes to is told
    MEANINGLESS = "meaningless"  # a key of ours: nothing to tell
    SECRET = "secret"  # would open or undo a protection  # noqa: S105
    ABOUT_OTHERS = "about others"  # staff; or a file with other people in it


class Portability(StrEnum):
    """Name whether article 20 covers data: what the person gave, on a consent."""

    YES = "yes"
    NOT_GIVEN = "not given by the person"


class Rectification(StrEnum):
    """Name how data are corrected (article 16)."""

    BY_THE_PERSON = "by the person, at once"
    FROM_THE_NEW_MAILBOX = "once confirmed from the new mailbox"
    BY_ASKING = "by asking"
    NEW_EVENT = "a new event says it: evidence is never edited"
    BY_ITSELF = "follows from what happens"


class Restriction(StrEnum):
    """Name what a restriction does to data (article 18)."""

    RESTRICTED = "restricted: no issue, no change, no purge"
    KEPT = "kept as it is"
    SHORT_LIVED = "goes within days: need not be restricted"


class Erasure(StrEnum):
    """Name what an erasure does to data (article 17)."""

    GONE = "gone"
    BLANKED = "the row stays, without it"
    KEYED = "stays until its date, under a fingerprint"
    LIVES_ON = "names nobody once the rest is gone"
    AT_ITS_END = "goes with its end, within days"


class Keep(StrEnum):
    """Name the rule of retention that ends it."""

    WITH_THE_PERSON = "with the person"
    UNCONFIRMED = "unconfirmed"
    INACTIVE = "inactive"
    EVIDENCE = "evidence"
    REQUESTS = "requests"
    RIGHTS_LINKS = "rights_links"
    ADDRESS_CHANGES = "address_changes"
    NOTICES = "notices"
    TESTERS = "testers"
    REPLIES = "replies"
    CASES = "cases"
    IMAGES = "images"
    IMPORT_FILES = "import_files"
    IMPORT_REPORTS = "import_reports"
    THROTTLES = "throttles"
    STAFF_SESSIONS = "staff_sessions"
    AUDIT = "audit"
    PRIVACY_LOG = "privacylog"
    ALARMS = "alarms"
    UNTIL_LIFTED = "until the person lifts it"
    EMPLOYED = "as long as they work here"
    ARCHIVE = "with the archive"
    OUTSIDE = "by whoever keeps the place"


UNRULED = frozenset({Keep.WITH_THE_PERSON, Keep.UNTIL_LIFTED, Keep.EMPLOYED, Keep.ARCHIVE, Keep.OUTSIDE})


@dataclass(frozen=True)
class Holding:
    """Hold columns of a table (or a store outside the database) that every right treats alike."""

    where: str
    what: tuple[str, ...]
    whose: Whose
    access: Access
    portability: Portability
    rectification: Rectification
    restriction: Restriction
    erasure: Erasure
    retention: Keep


def _person(where: str, what: str, *treated: StrEnum) -> Holding:
    """Return data of a person's; a treatment that is not named is the most common one."""
    return Holding(
        where, tuple(what.split()), Whose.PERSON,
        _treatment(treated, Access.GIVEN), _treatment(treated, Portability.NOT_GIVEN),
        _treatment(treated, Rectification.BY_ITSELF), _treatment(treated, Restriction.RESTRICTED),
        _treatment(treated, Erasure.GONE), _treatment(treated, Keep.WITH_THE_PERSON),
    )  # fmt: skip


def _treatment(treated: tuple[StrEnum, ...], usual: _T) -> _T:
    return next((one for one in treated if isinstance(one, type(usual))), usual)


def _staff(where: str, what: str, keep: Keep) -> Holding:
    return Holding(
        where, tuple(what.split()), Whose.STAFF, Access.ABOUT_OTHERS, Portability.NOT_GIVEN,
        Rectification.BY_ASKING, Restriction.KEPT, Erasure.LIVES_ON, keep,
    )  # fmt: skip


HOLDINGS = (
    # -- people ----------------------------------------------------------------------
    _person("subscriber", "email", Portability.YES, Rectification.FROM_THE_NEW_MAILBOX, Keep.INACTIVE),
    _person("subscriber", "name locale", Portability.YES, Rectification.BY_THE_PERSON, Keep.INACTIVE),
    _person("subscriber", "paused_until directives", Rectification.BY_THE_PERSON, Keep.INACTIVE),
    _person("subscriber", "restricted_at lift_at address_since reconfirm_asked_at created_at", Keep.INACTIVE),
    _person("subscriber", "id fingerprint", Access.MEANINGLESS, Keep.INACTIVE),
    _person("subscription", "state", Portability.YES, Rectification.BY_THE_PERSON, Keep.UNCONFIRMED),
    _person("subscription", "newsletter_id consent_id informed_at changed_at", Keep.UNCONFIRMED),
    _person("subscription", "id subscriber_id", Access.MEANINGLESS, Keep.UNCONFIRMED),
    _person("consent_payload", "kind at channel form_version wording_sha256 source consented_at import_id "
            "legal_text", Access.GIVEN, Rectification.NEW_EVENT, Erasure.KEYED, Keep.EVIDENCE),
    _person("consent_payload", "newsletter_id", Access.SUMMED_UP, Rectification.NEW_EVENT, Erasure.KEYED,
            Keep.EVIDENCE),
    _person("consent_payload", "event_id salt fingerprint moved_from moved_to continues", Access.MEANINGLESS,
            Rectification.NEW_EVENT, Erasure.KEYED, Keep.EVIDENCE),
    _person("suppression", "reason at asked_at", Erasure.KEYED, Keep.UNTIL_LIFTED),
    _person("suppression", "fingerprint", Access.MEANINGLESS, Erasure.KEYED, Keep.UNTIL_LIFTED),
    _person("signup_request", "email name locale newsletter_id form_version at", Rectification.BY_ASKING,
            Restriction.SHORT_LIVED, Keep.REQUESTS),
    _person("signup_request", "id wording_sha256 due_at", Access.MEANINGLESS, Restriction.SHORT_LIVED,
            Keep.REQUESTS),
    _person("preferences_request", "email at", Restriction.SHORT_LIVED, Keep.REQUESTS),
    _person("preferences_request", "id", Access.MEANINGLESS, Restriction.SHORT_LIVED, Keep.REQUESTS),
    _person("throttle", "key used until", Access.MEANINGLESS, Restriction.SHORT_LIVED, Erasure.AT_ITS_END,
            Keep.THROTTLES),
    _person("import_file", "body", Access.ABOUT_OTHERS, Rectification.BY_ASKING, Restriction.KEPT,
            Erasure.BLANKED, Keep.IMPORT_FILES),
    _person("subscriber_import", " "
            "file_name", Access.ABOUT_OTHERS, Rectification.BY_ASKING, Restriction.KEPT, Erasure.BLANKED,
            Keep.IMPORT_REPORTS),
    # -- letters ---------------------------------------------------------------------
    _person("delivery", "subscriber_id", Access.MEANINGLESS, Erasure.BLANKED),
    _person("delivery", "reply", Erasure.BLANKED, Keep.REPLIES),
    _person("delivery",
            "issue_id position consent_id state due_at attempts first_tried withheld code enhanced "
            "changed_at", Erasure.LIVES_ON, Keep.ARCHIVE),
    _person("delivery", "provider faults worker fence", Access.MEANINGLESS, Erasure.LIVES_ON, Keep.ARCHIVE),
    _person("notice",
            "kind newsletter_id email name locale facts state attempts first_tried code enhanced reply "
            "answers created_at", Restriction.SHORT_LIVED, Keep.NOTICES),
    _person("notice", "id priority subscriber_id about_id due_at", Access.MEANINGLESS,
            Restriction.SHORT_LIVED, Keep.NOTICES),
    _person("tester", "email", Portability.YES, Rectification.BY_ASKING, Restriction.KEPT, Keep.TESTERS),
    _person("tester", "newsletter_id locale asked_at confirmed_at", Restriction.KEPT, Keep.TESTERS),
    _person("tester", "id wording_sha256 staff", Access.MEANINGLESS, Restriction.KEPT, Keep.TESTERS),
    _staff("tester", "asked_by", Keep.TESTERS),
    _staff("issue_test", "asked_by at", Keep.ARCHIVE),
    # -- rights ----------------------------------------------------------------------
    _person("rights_intake", "email locale at", Restriction.SHORT_LIVED, Keep.REQUESTS),
    _person("rights_intake", "id due_at", Access.MEANINGLESS, Restriction.SHORT_LIVED, Keep.REQUESTS),
    _person("rights_link", "locale created_at lasts_until expires_at used_at session_until",
            Restriction.SHORT_LIVED, Keep.RIGHTS_LINKS),
    _person("rights_link", "email", Access.SUMMED_UP, Restriction.SHORT_LIVED, Keep.RIGHTS_LINKS),
    _person("rights_link", "id fingerprint session_digest", Access.SECRET, Restriction.SHORT_LIVED,
            Keep.RIGHTS_LINKS),
    _person("rights_request", "email name", Rectification.BY_ASKING, Restriction.KEPT, Erasure.BLANKED,
            Keep.CASES),
    _person("rights_request", "extension_reason refusal_reason", Rectification.BY_ASKING, Restriction.KEPT,
            Erasure.BLANKED, Keep.CASES),
    _person("rights_request", "id number right channel locale received_at acknowledged_at due_on extended_at "
            "paused_at closed_at outcome forget_at", Restriction.KEPT, Erasure.KEYED, Keep.CASES),
    _person("rights_request", "fingerprint", Access.MEANINGLESS, Restriction.KEPT, Erasure.KEYED, Keep.CASES),
    _person("rights_request", " "
            "message_id", Access.MEANINGLESS, Restriction.KEPT, Erasure.BLANKED, Keep.CASES),
    _staff("rights_request", "handler", Keep.CASES),
    _person("rights_event", " "
            "details", Rectification.BY_ASKING, Restriction.KEPT, Erasure.BLANKED, Keep.CASES),
    _person("rights_event", "at what", Restriction.KEPT, Erasure.KEYED, Keep.CASES),
    _person("rights_event", "id request_id", Access.MEANINGLESS, Restriction.KEPT, Erasure.KEYED, Keep.CASES),
    _staff("rights_event", "by", Keep.CASES),
    _person("address_change", "old_email new_email asked_at waits_until expires_at confirmed_at undone_at",
            Rectification.FROM_THE_NEW_MAILBOX, Keep.ADDRESS_CHANGES),
    _person("address_change", "id subscriber_id request_id", Access.MEANINGLESS, Keep.ADDRESS_CHANGES),
    # -- staff -----------------------------------------------------------------------
    _staff("staff", "id email name password_hash epoch created_at disabled_at", Keep.EMPLOYED),
    _staff("staff_session", "id digest staff_id epoch browser opened_at seen_at", Keep.STAFF_SESSIONS),
    _staff("audit", "who what at details", Keep.AUDIT),  # the details name people by fingerprint alone
    _staff("approval", "approver at", Keep.ARCHIVE),
    _staff("version", "by begun_at saved_at", Keep.ARCHIVE),
    _staff("library_image", "added_by added_at", Keep.ARCHIVE),
    _staff("resolution", "by at", Keep.ARCHIVE),
    _staff("subscriber_import", "by", Keep.IMPORT_REPORTS),
    _staff("alarm", "acknowledged_at acknowledged_by", Keep.ALARMS),
    _staff("newsletter", "from_name from_address reply_to signature", Keep.ARCHIVE),  # a person's, perhaps
    # -- outside the database ----------------------------------------------------------
    _person("the send's journal", "position outcome reply", Access.SUMMED_UP, Erasure.LIVES_ON, Keep.OUTSIDE),
    _person("the privacy log", "fingerprint decision time", Access.SUMMED_UP, Rectification.NEW_EVENT,
            Restriction.KEPT, Erasure.KEYED, Keep.PRIVACY_LOG),
    _person("the mailbox of rights_email", "mails", Rectification.BY_ASKING, Restriction.KEPT, Keep.OUTSIDE),
    _person("backups", "database", Access.SUMMED_UP, Restriction.KEPT, Erasure.AT_ITS_END, Keep.OUTSIDE),
    _person("files handed out (exports, reports, consent records)", " "
            "rows", Access.SUMMED_UP, Rectification.BY_ASKING,
            Restriction.KEPT, Erasure.AT_ITS_END, Keep.OUTSIDE),
)  # fmt: skip

# Columns that hold no personal data, and why not.
NOT_PERSONAL = {
    "alarm": (
        "the service's own state, about workers, relays and issues",
        "id name kind subject facts since tell_at seen_at resolved_at",
    ),
    "alarm_message": ("the service's own state", "alarm_id channel told_at resolution_told_at"),
    "asset": ("publications", "sha256 media_type width height body double original crop kept_at"),
    "library_image": ("publications", "newsletter_id sha256 name alt credit"),
    "audit": ("a sequence", "id"),
    "breach": (
        "what happened, when, and who was told: its form asks for no names",
        "id number what aware_at recorded_at reminded_at notified_at people_told_at closed_at conclusion",
    ),
    "consent_event": (
        "the chain: macs and digests of salted payloads, which say nothing once these are gone",
        "id seq previous payload_digest expires_at sha256 mac",
    ),
    "job_failure": (
        "the service's own state, about its jobs; a row is an id, dropped with its failure",
        "job row failures since until error",
    ),
    "heartbeat": ("the service's own state", "worker kind started_at seen_at suspected_at skew"),
    "circuit": (
        "the service's own state; what a relay said is scrubbed of addresses",
        "name failures since until reason",
    ),
    "consent_anchor_position": ("how far files go", "host number size seal"),
    "consent_verification": (
        "how far the chain was verified; a fault names ids and fingerprints alone",
        "id at seq mac sha256 anchors logged seal fault place",
    ),
    "privacylog_gap": ("which lines of files", "id host size seal until"),
    "privacylog_position": ("how far files go", "host size seal"),
    "newsletter": (
        "publications",
        "id slug name description locale theme legal_basis return_path_domain created_at paused_at "
        "accent ground logo footer rubrics revision",
    ),
    "provider_domain": (
        "whose mailboxes a domain's are, of domains that several readers share",
        "domain provider asked_at",
    ),
    "restore_lock": (
        "how far files go, and counts",
        "id at backed_up_at positions replayed_at report armed_at reason without loss_noted_at",
    ),
    "issue_test": (
        "which revision of which issue, and counts",
        "id issue_id newsletter_id revision_id recipients accepted refused",
    ),
    "revision": ("publications", "sha256 content subject locale html text search created_at"),
    "wording": ("texts shown to everybody", "sha256 version locale text"),
    "departure": ("counts by day", "newsletter_id day reason count"),
    "issue": (
        "publications",
        "id newsletter_id state content assets title created_at revision_id due_at "
        "after_introductions send_id started_at closed_at paused_for candidates audience excluded",
    ),
    "subscriber_import": (
        "how far a file is, and counts",
        "id newsletter_id state file_fingerprint records preset columns source legal_text "
        "consented_at locale done new known refused reasons undone seconds error created_at "
        "moved_at finished_at",
    ),
    "version": (
        "publications, before they were published",
        "issue_id number content assets act about undoable redoable",
    ),
    "approval": (
        "which revision of which issue, and what the checks said of it",
        "id issue_id revision_id acknowledged",
    ),
    "link_visit": ("addresses of publications", "issue_id url asked_at looked_at status fault"),
    "import_file": ("a sequence", "import_id number"),
    "import_report": ("line numbers and outcomes", "import_id number lines"),
    "resolution": ("counts, and a reply without addresses", "id issue_id kind rows wording"),
}
# Places outside the database that hold nothing about anybody, and why not.
STORES_WITHOUT_PEOPLE = {
    "anchors": "numbers and macs of the chain",
    "spool": "there is none: mails are composed in memory, and drafts are issues",
    "caches": "Redis holds tasks without content, the rate of providers, and counters by network of visitors",
    "logs": "random ids alone; addresses and tokens that a library would write are scrubbed",
}


def not_personal(table: str) -> set[str]:
    """Return the columns of a table that hold nothing about anybody."""
    return set(NOT_PERSONAL[table][1].split()) if table in NOT_PERSONAL else set()


def of(table: str) -> dict[str, Holding]:
    """Return how each listed column of a table is treated."""
    return {column: each for each in HOLDINGS if each.where == table for column in each.what}
