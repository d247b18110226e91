"""Fixtures for the tests of cluster reading."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.cluster_reading.support import BreakableProxy

from posdeck.clock import ManualClock
from posdeck.cluster.scripted import ScriptedTransport


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def transport() -> ScriptedTransport:
    return ScriptedTransport()


@pytest.fixture
async def proxies() -> AsyncIterator[Callable[[str, int], Awaitable[BreakableProxy]]]:
    """Makes proxies to an address; they are closed at the end."""
    made: list[BreakableProxy] = []

    async def make(host: str, port: int) -> BreakableProxy:
        proxy = BreakableProxy(host, port)
        await proxy.open()
        made.append(proxy)
        return proxy

    yield make
    for proxy in made:
        await proxy.close()
