"""A source of numbers that answers what it is told, for tests that need no server."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest

from posdeck.clock import ManualClock
from posdeck.errors import PosdeckError


class ScriptedSource:
    """Stands in for the way to a source: bodies by (path, query), and a list of what was asked."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.skew = 0.0
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.series: dict[str, list[tuple[dict[str, str], list[tuple[float, str]]]]] = {}
        self.failure: PosdeckError | None = None
        self.body: bytes | None = None

    async def __call__(self, path: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        given = dict(parameters)
        self.asked.append((path, given))
        if self.failure is not None:
            raise self.failure
        if given.get("query") == "1":
            return self._success("scalar", [self.clock.now().timestamp() + self.skew, "1"])
        if self.body is not None:
            return self.body
        name = given["query"].partition("[")[0]
        rows = [{"metric": labels, "values": points} for labels, points in self.series.get(name, [])]
        return self._success("matrix", rows)

    def say(self, query: str, points: Sequence[tuple[float, str]], **labels: str) -> None:
        """Set the series of a query, times in seconds before now by the source's clock."""
        now = self.clock.now().timestamp() + self.skew
        self.series.setdefault(query, []).append((labels, [(now - ago, value) for ago, value in points]))

    @staticmethod
    def _success(kind: str, result: object) -> bytes:
        return orjson.dumps({"status": "success", "data": {"resultType": kind, "result": result}})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def source(clock: ManualClock) -> ScriptedSource:
    return ScriptedSource(clock)
