"""Define the states of an issue, and the moves allowed between them.  Pure."""

from enum import StrEnum


class IssueState(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"  # a revision is approved; sent at due_at
    SENDING = "sending"  # the audience is frozen
    PAUSED = "paused"  # the send is stopped for a while, by staff or the service
    CANCELLED = "cancelled"  # nothing more begins; what had not begun is withheld
    CLOSED = "closed"  # every delivery is final: the certificate can be made


class Move(StrEnum):
    SCHEDULE = "schedule"
    EDIT = "edit"
    DELETE = "delete"
    UNSCHEDULE = "unschedule"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    CLOSE = "close"
    RESEND = "resend"  # the deliveries that are unknown


_MOVES: dict[Move, tuple[frozenset[IssueState], IssueState]] = {
    Move.SCHEDULE: (frozenset({IssueState.DRAFT}), IssueState.SCHEDULED),
    Move.EDIT: (frozenset({IssueState.DRAFT}), IssueState.DRAFT),
    Move.DELETE: (frozenset({IssueState.DRAFT}), IssueState.DRAFT),
    Move.UNSCHEDULE: (frozenset({IssueState.SCHEDULED}), IssueState.DRAFT),
    Move.START: (frozenset({IssueState.SCHEDULED}), IssueState.SENDING),
    Move.PAUSE: (frozenset({IssueState.SENDING}), IssueState.PAUSED),
    Move.RESUME: (frozenset({IssueState.PAUSED}), IssueState.SENDING),
    Move.CANCEL: (frozenset({IssueState.SENDING, IssueState.PAUSED}), IssueState.CANCELLED),
    Move.CLOSE: (frozenset({IssueState.SENDING, IssueState.CANCELLED}), IssueState.CLOSED),
    Move.RESEND: (frozenset({IssueState.SENDING, IssueState.CLOSED}), IssueState.SENDING),
}


class ForbiddenMove(Exception):
    """Say that this issue cannot make that move from the state it is in."""

    def __init__(self, move: Move, state: IssueState) -> None:
        self.move, self.state = move, state
        super().__init__(f"this issue is {state}: {move} is not possible from there")


def moved(state: IssueState, move: Move) -> IssueState:
    """Return the state after a move.  Raises ForbiddenMove."""
    allowed, after = _MOVES[move]
    if state not in allowed:
        raise ForbiddenMove(move, state)
    return after


def moves_from(state: IssueState) -> set[Move]:
    """Return what may be done with an issue in this state."""
    return {move for move, (allowed, _) in _MOVES.items() if state in allowed}
