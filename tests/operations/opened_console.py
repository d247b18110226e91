"""A headless console on the embedded cluster or on a kubeconfig, with state folders of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from posdeck.clock import Clock, ManualClock, SystemClock
from posdeck.operations.console import Console
from posdeck.operations.embedded import seed_of
from posdeck.operations.opening import Request, open_content
from posdeck.operations.view import View
from posdeck.simulator.server import Simulator

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0


def private_folders(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Nothing of this machine's user is read or written."""
    for name in ("STATE", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))


@asynccontextmanager
async def console_on(
    kubeconfig: Path, *, namespace: str | None = None, clock: Clock | None = None
) -> AsyncIterator[Console]:
    """A started console that has read its pods, services and deployments."""
    console = Console(
        open_content(Request(kubeconfig=kubeconfig, environment="simulated", namespace=namespace)),
        clock=clock or SystemClock(),
    )
    await console.start()
    try:
        await console_sees(console, lambda v: bool(v.snapshot.pods and v.snapshot.deployments))
        await console_sees(console, lambda v: bool(v.snapshot.services and v.snapshot.replica_sets))
        yield console
    finally:
        await console.stop()


async def console_sees(console: Console, condition: Callable[[View], bool]) -> View:
    """The first view that fulfils the condition, within a deadline."""
    async with asyncio.timeout(PATIENCE):
        return await console.wait_for(condition)


@asynccontextmanager
async def embedded_console(folder: Path) -> AsyncIterator[tuple[Console, Simulator]]:
    """A console on an embedded cluster of its own."""
    request = Request(environment="simulated")
    simulator = Simulator(seed_of(open_content(request).catalogue), clock=ManualClock())
    await simulator.start()
    try:
        async with console_on(simulator.write_kubeconfig(folder / "kubeconfig")) as console:
            yield console, simulator
    finally:
        await simulator.stop()


async def eventually(check: Callable[[], bool], what: str) -> None:
    """Wait until ``check`` holds; a failure after the deadline names ``what``."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not check():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"never came: {what}") from None
