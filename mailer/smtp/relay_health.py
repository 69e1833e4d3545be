"""How the relay fares, by how messages end: when it counts as down, and when a probe has succeeded.  Pure."""

from mailer.core.hold_reasons import HoldReason
from mailer.smtp.session import TransactionEnd

LOST = 3  # times in a row that it dies with a message in its hands: as many unknown as one may risk
BROKEN_OFF = 8  # times in a row that it breaks off before it counts as down


class RelayHealth:
    """Hold one sender's view of the relay, during one stretch of work."""

    def __init__(self, *, probing: bool = False) -> None:
        """probing: it failed of late, and one message at a time is risked until it has answered for one."""
        self.probing = probing
        self._lost = self._broken_off = 0

    def prove(self) -> None:
        """Note that it has answered for a message."""
        self._lost = self._broken_off = 0
        self.probing = False

    def fault(self, end: TransactionEnd, *, at_the_dot: bool) -> str | None:
        """Note how a message ended, at the dot or before; return why the relay counts as down, if it does."""
        if end is TransactionEnd.ANSWERED:
            self._broken_off = 0
            if at_the_dot:
                self.prove()
            return None
        self._broken_off += 1
        self._lost += end is TransactionEnd.UNKNOWN
        if self._lost >= LOST or (self.probing and end is TransactionEnd.UNKNOWN):
            return HoldReason.NO_WORD
        if self._broken_off >= BROKEN_OFF or self.probing:
            return HoldReason.HANGS_UP
        return None
