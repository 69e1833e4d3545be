"""Work on the ledger in a thread, one transaction at a time, while the sender speaks SMTP."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Generic, TypeVar

LedgerAnswer = TypeVar("LedgerAnswer")


class LedgerThread(Generic[LedgerAnswer]):
    """Run one work at a time; `receive` returns what it returned, or raises what it raised."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._work: Future[LedgerAnswer] | None = None

    @property
    def busy(self) -> bool:
        """Whether a work is under way, or its result not yet received."""
        return self._work is not None

    @property
    def done(self) -> bool:
        return self._work is not None and self._work.done()

    def send(self, work: Callable[[], LedgerAnswer]) -> None:
        self._work = self._thread.submit(copy_context().run, work)  # what the log is to name, too

    def receive(self) -> LedgerAnswer:
        """Wait for the work, and return its result."""
        work, self._work = self._work, None
        if work is None:
            raise RuntimeError("nobody was sent")
        return work.result()
