"""One embedded cluster for each test, on a clock that the test drives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
from tests.simulator.client import Client
from tests.simulator.pos_seed import pos_seed

from posdeck.clock import ManualClock
from posdeck.simulator.server import Simulator


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 2, 10, 0, tzinfo=UTC))


@pytest.fixture
async def simulator(clock: ManualClock) -> AsyncIterator[Simulator]:
    """A running cluster; a controller that stumbled fails the test."""
    running = Simulator(pos_seed(), clock=clock)
    await running.start()
    yield running
    await running.stop()
    assert running.engine.failures == []


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    """The administrator."""
    made = Client(simulator)
    yield made
    await made.session.close()


@pytest.fixture
async def as_identity(simulator: Simulator) -> AsyncIterator[Callable[[str], Client]]:
    """A client for each identity that is asked for."""
    made: list[Client] = []

    def build(identity: str) -> Client:
        made.append(Client(simulator, identity))
        return made[-1]

    yield build
    for each in made:
        await each.session.close()
