"""What goes wrong, in one sentence that says what to do."""

from psycopg.errors import InsufficientPrivilege
from redis import RedisError
from sqlalchemy.exc import DBAPIError, OperationalError

from mailer.backup.archive import NotABackup
from mailer.backup.encryption import BadKey, WrongKey
from mailer.backup.fold import LogMissing, LogNotLost
from mailer.backup.migrate import UnknownRevision
from mailer.backup.postgres import ToolFailed
from mailer.backup.replay import NothingToReplay
from mailer.backup.restore import NotEmpty
from mailer.core import connection_faults, postgres
from mailer.core.embedded import Unavailable
from mailer.core.i18n import TERMINAL, Explained
from mailer.core.postgres import TooOld
from mailer.core.settings import SettingsError, env_file, settings
from mailer.delivery.certificate import NotClosed
from mailer.delivery.follow import NeverScheduled
from mailer.demo.processes import ProcessEnded
from mailer.demo.run import CannotDemonstrate
from mailer.issues.lifecycle import NotReady
from mailer.issues.state_machine import ForbiddenMove
from mailer.issues.yaml_file import IssueFileError
from mailer.newsletters.newsletters import PresentationRefused
from mailer.privacy.cases.register import AlreadyPaused, BeingErased, ClosedCase, NoWords, TooLate
from mailer.privacy.rights.by_staff import AnotherAddress, NobodyThere, NotRestricted
from mailer.privacylog.decisions import LogDamaged, LogUnwritable
from mailer.smtp.dkim import DkimKeyMissing
from mailer.smtp.providers import BadProviders

REFUSED = "PostgreSQL refused that statement: run `mailer db upgrade`, then try again"
SELF_EXPLAINING = (  # whose message is the sentence
    Unavailable,
    CannotDemonstrate,
    ProcessEnded,
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
    ForbiddenMove,
    LogUnwritable,
    LogDamaged,
    LogMissing,
    LogNotLost,
    NothingToReplay,
    NotEmpty,
    NotABackup,
    BadKey,
    WrongKey,
    ToolFailed,
    UnknownRevision,
    TooOld,
)


HINTS = {  # what only a terminal can do about it, by code
    "overlap": " (--turn first, or --turn second)", "no_email": ", or by --map", "empty": ", or by --map",
}  # fmt: skip


def sentence(error: Exception) -> str | None:  # noqa: PLR0911 -- a table
    """Say what is wrong in a line; None when it is a fault of ours that deserves its trace."""
    match error:
        case SettingsError():
            return str(error) if env_file().exists() else f"{error}; `mailer init` writes a settings file"
        case DBAPIError() if getattr(error.orig, "sqlstate", None) in {"42P01", "42703"}:
            return REFUSED
        case OperationalError() | DBAPIError(orig=InsufficientPrivilege()):
            return postgres.cause(error.orig or error, settings().database_url)
        case RedisError():
            return connection_faults.redis_cause(error, settings().redis_url)
        case Explained():
            return error.sentence(TERMINAL) + HINTS.get(error.code, "")
        case IssueFileError() | NotReady() | PresentationRefused():
            return error.sentence(TERMINAL)
        case NotClosed():
            return "this issue has not finished leaving: its certificate is written when it closes"
        case OSError() if error.filename:
            return f"{error.filename}: {error.strerror}"
        case _ if isinstance(error, SELF_EXPLAINING):
            return str(error)
    return None
