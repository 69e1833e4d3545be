"""What goes wrong, in one sentence that says what to do."""

from sqlalchemy.exc import DBAPIError, OperationalError

from mailer.backups.files import NotABackup, NotEmpty
from mailer.backups.postgres import ToolFailed
from mailer.backups.replay import NothingToReplay
from mailer.backups.vault import BadKey, WrongKey
from mailer.backups.wills import JournalMissing
from mailer.demo.family import Died
from mailer.demo.run import CannotDemonstrate
from mailer.embedded import Unavailable
from mailer.issues.clock import AmbiguousTime, BadTime
from mailer.issues.editing import NotReady, UnknownNewsletter
from mailer.issues.issuefile import IssueFileError
from mailer.issues.rules import ForbiddenMove
from mailer.people.exchange.form import UnreadableFile
from mailer.people.exchange.mapping import NoMapping
from mailer.people.journal import Damaged, Unwritable
from mailer.rights.register import AlreadyPaused, BeingErased, ClosedCase, NoWords, TooLate
from mailer.sending.accounts import NotClosed
from mailer.sending.dkim import DkimKeyMissing
from mailer.sending.providers import BadProviders
from mailer.settings import SettingsError, env_file
from mailer.staff.handling import AnotherAddress, NobodyThere, NotRestricted
from mailer.terminal import NeverScheduled

NO_DATABASE = "PostgreSQL cannot be reached: check MAILER_DATABASE_URL, and that the server runs"
REFUSED = "PostgreSQL refused that statement: run `mailer db upgrade`, then try again"
SELF_EXPLAINING = (  # whose message is the sentence
    Unavailable,
    CannotDemonstrate,
    Died,
    NeverScheduled,
    BadProviders,
    DkimKeyMissing,
    ClosedCase,
    BeingErased,
    AlreadyPaused,
    AnotherAddress,
    NobodyThere,
    NotRestricted,
    TooLate,
    NoWords,
    IssueFileError,
    UnreadableFile,
    NoMapping,
    ForbiddenMove,
    UnknownNewsletter,
    Unwritable,
    Damaged,
    JournalMissing,
    NothingToReplay,
    NotEmpty,
    NotABackup,
    BadKey,
    WrongKey,
    ToolFailed,
)


def sentence(error: Exception) -> str | None:  # noqa: PLR0911 -- a table
    """What to tell of this error, None when it is a fault of ours that deserves its trace."""
    match error:
        case SettingsError():
            return str(error) if env_file().exists() else f"{error}; `mailer init` writes a settings file"
        case OperationalError():
            return NO_DATABASE
        case DBAPIError() if getattr(error.orig, "sqlstate", None) in {"42P01", "42703"}:
            return REFUSED
        case AmbiguousTime():
            return f"{error.sentence('en')} (--turn first, or --turn second)"
        case BadTime():
            return error.sentence("en")
        case NotReady():
            return f"this issue is not ready: {'; '.join(str(finding) for finding in error.findings)}"
        case NotClosed():
            return "this issue has not finished leaving: its certificate is written when it closes"
        case OSError() if error.filename:
            return f"{error.filename}: {error.strerror}"
        case _ if isinstance(error, SELF_EXPLAINING):
            return str(error)
    return None
