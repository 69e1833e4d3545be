"""Remove what PostgreSQL leaves on the disk of deleted rows: in tables, indexes and the WAL.

VACUUM alone leaves the bytes in place.  VACUUM FULL writes table and indexes anew and drops the old files;
then the log of writes is switched and checkpointed until no segment from before is left to be recycled.
"""

from sqlalchemy import Connection, text

from mailer.core.db import Base, engine
from mailer.privacy.retention.inventory import HOLDINGS, Whose

CHECKPOINTS = 3  # a segment is kept for the last checkpoint, and removed by the one after


def tables() -> list[str]:
    """Return the tables that hold people's data."""
    personal = {holding.where for holding in HOLDINGS if holding.whose is Whose.PERSON}
    return [table.name for table in Base.metadata.sorted_tables if table.name in personal]


def scrub() -> int:
    """Rewrite these tables, and drop what they left in the WAL; return how many.

    The switch and the checkpoint need a superuser or pg_checkpoint: without, the WAL is recycled in time.
    """
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables():
            connection.execute(text(f'VACUUM (FULL, FREEZE, ANALYZE) "{table}"'))
        connection.execute(text("VACUUM (FULL) pg_statistic"))
        for _ in range(CHECKPOINTS if _may(connection) else 0):
            connection.execute(text("SELECT pg_switch_wal()"))
            connection.execute(text("CHECKPOINT"))
    return len(tables())


def _may(connection: Connection) -> bool:
    return bool(connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")))
