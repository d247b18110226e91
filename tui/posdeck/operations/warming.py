"""The playbook of an act, loaded while its confirmation is on show and held there: it costs half a second that
nobody then waits for. Nothing of it can run before it is released, and that comes after the intent."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from posdeck.errors import PosdeckError
from posdeck.operations.running import lay_out_run

if TYPE_CHECKING:
    from posdeck.execution.runs import PreparedRun
    from posdeck.operations.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which run is held. One that differs in anything is no substitute."""

    run_id: str
    playbook: str
    target: str
    timeout: float


class Held:
    """One prepared run at the most."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._wanted: Wanted | None = None
        self._preparing: asyncio.Task[PreparedRun] | None = None
        self._letting_go: set[asyncio.Task[None]] = set()

    def hold(self, wanted: Wanted) -> None:
        """Begin to prepare ``wanted``, in the background; what was held before is dropped."""
        if wanted == self._wanted:
            return
        self.drop()
        self._wanted = wanted
        self._preparing = asyncio.get_running_loop().create_task(
            self._prepare(wanted), name=f"preparing {wanted.run_id}"
        )

    async def take(self, wanted: Wanted) -> PreparedRun | None:
        """The prepared run of exactly ``wanted``, or None where a new one has to be started."""
        if wanted != self._wanted or self._preparing is None:
            self.drop()
            await self.dropped()
            return None
        preparing, self._preparing, self._wanted = self._preparing, None, None
        try:
            prepared = await preparing
        except (PosdeckError, OSError):
            prepared = None
        if prepared is not None and not prepared.has_ended:
            return prepared
        if prepared is not None:
            await prepared.discard()
        self._remove(wanted)
        return None

    def drop(self) -> None:
        """Let go of what is held; nothing of it has run."""
        preparing, wanted = self._preparing, self._wanted
        self._preparing = self._wanted = None
        if preparing is not None and wanted is not None:
            task = asyncio.get_running_loop().create_task(self._let_go(preparing, wanted))
            self._letting_go.add(task)
            task.add_done_callback(self._letting_go.discard)

    async def dropped(self) -> None:
        """Wait until nothing is left of what was let go."""
        while self._letting_go:
            await asyncio.wait(self._letting_go)

    async def _prepare(self, wanted: Wanted) -> PreparedRun:
        request = lay_out_run(
            self._workshop,
            run_id=wanted.run_id,
            playbook=wanted.playbook,
            target=wanted.target,
            variables={},
            timeout=wanted.timeout,
        )
        return await self._workshop.runner.prepare(request)

    async def _let_go(self, preparing: asyncio.Task[PreparedRun], wanted: Wanted) -> None:
        with contextlib.suppress(PosdeckError, OSError):
            prepared = await preparing
            await prepared.discard()
        self._remove(wanted)

    def _remove(self, wanted: Wanted) -> None:
        shutil.rmtree(self._workshop.state / "runs" / wanted.run_id, ignore_errors=True)
