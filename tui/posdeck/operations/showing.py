"""What the session screen shows beside the state of the session itself; none of it outlives the process."""

from __future__ import annotations

from dataclasses import dataclass, field

from posdeck.errors import RefusedError
from posdeck.operations import acting
from posdeck.operations.view import Evidence, TaskView
from posdeck.runbooks import effects as fx
from posdeck.runbooks.model import Offer


@dataclass(slots=True)
class Showing:
    """What the session screen shows beside the reducer's state."""

    evidence: list[Evidence] = field(default_factory=list)
    tasks: tuple[TaskView, ...] = ()
    log: tuple[str, ...] = ()
    decision: fx.AskDecision | None = None
    confirmation: fx.AskConfirmation | None = None
    contact: fx.AskContact | None = None
    rollback: fx.OfferRollback | None = None
    message: str = ""
    refusal: RefusedError | None = None
    preview: acting.Preview | None = None
    loud: tuple[str, ...] = ()  # what has to stay on screen: break-glass, locks, what is owed
    offers: tuple[Offer, ...] = ()
