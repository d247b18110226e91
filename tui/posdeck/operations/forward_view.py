"""Port-forwards and the answers of their probes, as screens show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posdeck.operations.forward_ports import ForwardChoice

_BODY_SHOWN = 200  # characters


class ForwardState(StrEnum):
    """How a forward is. ``waiting`` has no pod at present and takes the next one."""

    LISTENING = "listening"
    FAILING = "failing"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class ProbePoint:
    """One request of the probe: ``status`` None when no answer came, then ``problem`` says why. ``seconds`` runs
    from the request to the status line; ``body`` is the redacted beginning of the answer."""

    at: datetime
    status: int | None
    seconds: float | None = None
    reason: str = ""
    problem: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class ForwardView:
    """One open forward as screens show it; bytes and connections are since it was opened."""

    id: str
    choice: ForwardChoice
    local: int
    pod: str
    port: int
    state: ForwardState
    started: datetime
    problem: str = ""
    bytes_sent: int = 0
    bytes_received: int = 0
    connections: int = 0
    moved: int = 0
    probe_path: str = ""
    probing: bool = False
    probes: tuple[ProbePoint, ...] = ()

    @property
    def address(self) -> str:
        """Where a client on this machine connects to."""
        return f"127.0.0.1:{self.local}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe brought: as it may be shown, and as it came."""

    shown: ProbePoint
    raw: ProbePoint

    @classmethod
    def of(cls, raw: ProbePoint, redacted: Callable[[str], str]) -> Answer:
        """Of what came the beginning of the body's first line is kept: redacted first, then cut."""
        line = raw.body.partition("\n")[0]
        shown = replace(
            raw,
            reason=redacted(raw.reason),
            problem=redacted(raw.problem),
            body=redacted(line)[:_BODY_SHOWN],
        )
        return cls(shown, replace(raw, body=line[:_BODY_SHOWN]))
