"""The one who goes to the ledger while the sender speaks: one transaction at a time, in a thread."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Brought = TypeVar("Brought")


class Clerk(Generic[Brought]):
    """Sent with one errand; brings back what it returned, or raises what it raised."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "clerk")
        self._errand: Future[Brought] | None = None

    @property
    def away(self) -> bool:
        """Sent, and not received again."""
        return self._errand is not None

    @property
    def back(self) -> bool:
        return self._errand is not None and self._errand.done()

    def send(self, errand: Callable[[], Brought]) -> None:
        self._errand = self._thread.submit(errand)

    def receive(self) -> Brought:
        """Return what the errand brought; waits for it."""
        errand, self._errand = self._errand, None
        if errand is None:
            raise RuntimeError("nobody was sent")
        return errand.result()
