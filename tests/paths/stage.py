"""The stage: a console whose sessions look at the same thing only once, and whose acts end as a path wants it.

How an act ends is played where it is not to end well: its proofs say "failed" or "cannot tell", or it is cancelled while
they are looked at. What the act wrote by then is real, and so is what takes it back.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from posdeck.clock import SystemClock
from posdeck.execution.events import RunResult
from posdeck.operations import checks, performing
from posdeck.operations.checks import Proof
from posdeck.operations.console import Console
from posdeck.operations.driver import SessionDriver
from posdeck.operations.running import RunLog
from posdeck.runbooks import events as ev

PLAYED = {"failed": ev.Verdict.FAILED, "cannot-tell": ev.Verdict.CANNOT_TELL}


class Ahead(SystemClock):
    """The machine's clock, put forward between two paths: the bound on acts an hour is not looked at here."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """The wall time."""
        return super().now() + self.ahead


@dataclass
class Part:
    """How the act at hand is to end: ``failed``, ``cannot-tell`` and ``cancelled`` are played, "" is real."""

    ends: str = ""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    leave: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Stage:
    """A console on a cluster. ``proofs`` are playbooks that prove something and are never answered from an earlier
    look; where ``blind``, what nobody can tell here (there is no load, and nothing counts) is taken for passed."""

    console: Console
    clock: Ahead
    blind: bool = False
    proofs: frozenset[str] = frozenset()
    looks: dict[str, tuple[RunResult, RunLog]] = field(default_factory=dict)
    part: Part = field(default_factory=Part)
    acts: int = 0  # playbooks that were let write

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put the stage between the sessions and their runs."""
        run_playbook, run_check, post = performing.run_playbook, checks.run_check, SessionDriver.post

        async def run(workshop: Any, **given: Any) -> tuple[RunResult, RunLog]:
            writes = "posdeck_run" in given["variables"]
            self.acts += writes
            if writes or given.get("check"):
                return await run_playbook(workshop, **given)
            if given["playbook"] in self.proofs:
                await self._hold()
                return await run_playbook(workshop, **given)
            key = json.dumps([given["playbook"], given["target"], dict(given["variables"])], sort_keys=True)
            if key not in self.looks:
                self.looks[key] = await run_playbook(workshop, **given)
            return self.looks[key]

        async def check(workshop: Any, name: str, target: str, timeout: float) -> Proof:
            await self._hold()
            if self.part.ends in PLAYED:
                return Proof(PLAYED[self.part.ends], "as it is played")
            proof = await run_check(workshop, name, target, timeout)
            if self.blind and proof.verdict is ev.Verdict.CANNOT_TELL:
                return Proof(ev.Verdict.PASSED, f"nobody can tell here: {proof.detail}")
            return proof

        async def take(driver: SessionDriver, event: ev.Event) -> None:
            if isinstance(event, ev.VerifyFinished) and self.part.ends in PLAYED:
                event = replace(event, verdict=PLAYED[self.part.ends])
            await post(driver, event)

        monkeypatch.setattr(performing, "run_playbook", run)
        monkeypatch.setattr(checks, "run_check", check)
        monkeypatch.setattr(SessionDriver, "post", take)

    async def _hold(self) -> None:
        if self.part.ends == "cancelled":
            self.part.reached.set()
            await self.part.leave.wait()
