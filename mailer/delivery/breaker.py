"""Whether a relay's refusals are about each recipient, or about us.  Pure.

A 5xx may be about the sender, the login or the letter at any stage: Postfix answers at RCPT for all of them.
It is *suspect*, and final for nobody until a person has judged, by its status, or when one wording refuses
ten in a row across two domains, or a fifth of the last fifty.  Suspects in such numbers trip the breaker: for
the issue, or for one provider where that provider alone refuses so.
"""

from collections import defaultdict, deque
from collections.abc import Collection
from typing import NamedTuple

from mailer.delivery.message import Letter, Recipient
from mailer.smtp import replies
from mailer.smtp.providers import OTHER
from mailer.smtp.replies import Reply

IN_A_ROW, DOMAINS = 10, 2
LAST, PART = 50, 10


class Ending(NamedTuple):
    """Say how one message was answered."""

    provider: str
    domain: str
    wording: str | None  # of a refusal; None: any other answer
    suspect: bool  # by its status

    def like(self, other: "Ending") -> bool:
        return self.wording == other.wording or (self.suspect and other.suspect)


class Trip(NamedTuple):
    """Say what the breaker has tripped on."""

    provider: str | None  # None: everybody
    wording: str
    reason: str


class Window:
    """Hold the last endings, of all or of one provider."""

    def __init__(self) -> None:
        self.last: deque[Ending] = deque(maxlen=LAST)

    def trips(self, ending: Ending) -> bool:
        """Note it; return whether it is one refusal too many of its kind."""
        self.last.append(ending)
        if ending.wording is None:
            return False
        run = list(self.last)[-IN_A_ROW:]
        in_a_row = len(run) == IN_A_ROW and all(ending.like(each) for each in run)
        if in_a_row and len({each.domain for each in run}) >= DOMAINS:
            return True
        return len(self.last) == LAST and sum(map(ending.like, self.last)) >= PART

    def only_provider(self, ending: Ending) -> bool:
        """Return whether its provider alone refuses so, while others are accepted."""
        ours = {each.provider for each in self.last if ending.like(each)} == {ending.provider}
        return ours and any(each.wording is None and each.provider != ending.provider for each in self.last)


class Breaker:
    """Watch one issue's refusals, for one worker."""

    def __init__(self) -> None:
        self._accepted_wordings: Collection[str] = ()
        self._suspected: set[tuple[str | None, str]] = set()  # what it tripped on: provider or all, wording
        self._all, self._providers = Window(), defaultdict[str, Window](Window)
        self._fine: dict[str, Ending] = {}  # by provider; most messages end so

    def accept(self, wordings: Collection[str]) -> None:
        """Take these wordings for what they say from now on: a person has judged them."""
        self._accepted_wordings = wordings

    def accepted(self, provider: str) -> None:
        """Note that a message was taken."""
        ending = self._fine.get(provider)
        if ending is None:
            ending = self._fine[provider] = Ending(provider, "", None, suspect=False)
        self._all.last.append(ending)
        if provider != OTHER:
            self._providers[provider].last.append(ending)

    def suspects(self, provider: str, address: str, answer: Reply) -> tuple[bool, Trip | None]:
        """Note how a message was answered; return whether that is a refusal which is not final, and what
        has tripped by it.
        """
        ending = self._read(provider, address, answer)
        trips = self._all.trips(ending)
        if provider != OTHER:
            trips |= self._providers[provider].trips(ending)
        if ending.wording is None:
            return False, None
        trip = self._trip(ending, ending.wording, answer) if trips else None
        suspected = {(None, ending.wording), (provider, ending.wording)} & self._suspected
        return ending.suspect or bool(suspected), trip

    def _trip(self, ending: Ending, wording: str, answer: Reply) -> Trip:
        alone = ending.provider != OTHER and self._all.only_provider(ending)
        trip = Trip(ending.provider if alone else None, wording, replies.said(answer))
        self._suspected.add((trip.provider, wording))
        self._all, self._providers[ending.provider] = Window(), Window()
        return trip

    def _read(self, provider: str, address: str, answer: Reply) -> Ending:
        if answer.code // 100 == 5:
            wording = replies.wording(answer)
            if wording not in self._accepted_wordings:
                return Ending(provider, address.rpartition("@")[2], wording, replies.is_suspect(answer))
        return Ending(provider, "", None, suspect=False)


def oversized(letter: Letter, limit: int, accepted_wordings: Collection[str]) -> Trip | None:
    """Return what trips on a letter of more bytes than the relay says it takes; 0: it does not say.

    Whoever took that refusal as it is has every message tried.
    """
    size = len(letter.to(Recipient(1, "somebody@example.org", None)).message) if limit else 0
    reason = f"552 5.3.4 the letter weighs {-(-size // 1000)} kB, the relay takes {limit // 1000} kB"
    wording = replies.wording(Reply(0, "", reason))
    return Trip(None, wording, reason) if size > limit and wording not in accepted_wordings else None
