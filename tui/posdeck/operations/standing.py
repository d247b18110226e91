"""What a rule of the gate sees beside the write and the facts, and what it answers: where posdeck stands, and a no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from posdeck.operations.facts import Facts
from posdeck.operations.write import Write

if TYPE_CHECKING:
    from posdeck.audit.record import Actor, Place, Process
    from posdeck.catalogue.policy import Policy
    from posdeck.operations.binding import Binding
    from posdeck.operations.precedents import Precedents


@dataclass(frozen=True, slots=True)
class Standing:
    """Where posdeck stands: the environment and its policy, the binding, who and where from, the time (aware),
    and what the record says of the past (None until it was asked)."""

    environment: str
    accept: str
    policy: Policy
    actor: Actor
    place: Place
    process: Process
    binding: Binding | None = None
    read_only: bool = False
    now: datetime | None = None
    precedents: Precedents | None = None

    @property
    def carried(self) -> bool:
        """Whether the write takes back an act of the record, whose confirmation carries it."""
        return self.precedents is not None and bool(self.precedents.undoes)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's no: which rule, why, and the way forward."""

    rule: str
    cause: str
    remedy: str
    overridable: bool = False  # break-glass may set it aside


Rule = Callable[[Write, Facts, Standing], Verdict | None]
