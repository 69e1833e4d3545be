"""What goes wrong, in one sentence that says what to do."""

from sqlalchemy.exc import DBAPIError, OperationalError

from mailer.backup.archive import NotABackup, NotEmpty
from mailer.backup.encryption import BadKey, WrongKey
from mailer.backup.fold import JournalMissing
from mailer.backup.migrate import UnknownRevision
from mailer.backup.postgres import ToolFailed
from mailer.backup.replay import NothingToReplay
from mailer.core.embedded import Unavailable
from mailer.core.settings import SettingsError, env_file
from mailer.delivery.certificate import NotClosed
from mailer.delivery.follow import NeverScheduled
from mailer.demo.processes import Died
from mailer.demo.run import CannotDemonstrate
from mailer.imports.columns import NoMapping
from mailer.imports.file_format import UnreadableFile
from mailer.issues.lifecycle import NotReady
from mailer.issues.states import ForbiddenMove
from mailer.issues.yaml_file import IssueFileError
from mailer.newsletters.newsletters import UnknownNewsletter
from mailer.privacy.cases.register import AlreadyPaused, BeingErased, ClosedCase, NoWords, TooLate
from mailer.privacy.rights.by_staff import AnotherAddress, NobodyThere, NotRestricted
from mailer.privacylog.decisions import Damaged, Unwritable
from mailer.rendering.local_time import AmbiguousTime, BadTime
from mailer.smtp.dkim import DkimKeyMissing
from mailer.smtp.providers import BadProviders

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
    UnknownRevision,
)


def sentence(error: Exception) -> str | None:  # noqa: PLR0911 -- a table
    """Say what is wrong in a line; None when it is a fault of ours that deserves its trace."""
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
