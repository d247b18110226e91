"""What happens to a consumer, on the embedded broker and on a real RabbitMQ, read by the management API and by Prometheus
of either: the verdict is right within two of the source's intervals, and the numbers are the broker's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.telemetry.benches import Bench, EmbeddedBench, embedded_bench, real_bench
from tests.telemetry.servers import Rabbit, rabbit

from posdeck.operations.processing import STUCK_AFTER
from posdeck.operations.view import ConsumerView, Verdict

SLACK = 20.0  # seconds of a busy machine
SCENARIOS = {
    "slow": (Verdict.FALLING_BEHIND, "a second more"),
    "stop": (Verdict.STUCK, "none acknowledged for"),
    "pause": (Verdict.PAUSED, "scaled to zero"),
    "poison": (Verdict.RETURNING, "come back unacknowledged"),
    "disconnect": (Verdict.NO_CONSUMER, "nobody consumes the queue"),
}
BENCHES = ("embedded prometheus", "embedded rabbitmq", "real rabbitmq", "real prometheus")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    with rabbit(tmp_path_factory.mktemp("rabbit")) as started:
        yield started


@pytest.fixture(params=BENCHES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    place, _, source = str(request.param).partition(" ")
    if place == "embedded":
        async with embedded_bench(tmp_path, source) as made:
            yield made
    else:
        queue = "pos." + "".join(c for c in request.node.name if c.isalnum())[:60]
        async with real_bench(request.getfixturevalue("broker"), tmp_path, source, queue) as real:
            yield real


async def reaches(bench: Bench, wanted: Verdict, seconds: float) -> ConsumerView:
    """Look again and again until the verdict is the wanted one; fails when it is not so in time."""
    step = 1.0 if not isinstance(bench, EmbeddedBench) else bench.interval / 5
    passed, seen = 0.0, await bench.look()
    while seen.verdict is not wanted:
        assert passed < seconds, f"wanted {wanted}, is {seen.verdict} ({seen.because})"
        await bench.wait(step)
        passed += step
        seen = await bench.look()
    return seen


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_each_trouble_has_its_verdict_within_two_intervals(bench: Bench, scenario: str) -> None:
    await reaches(bench, Verdict.KEEPING_UP, 60.0)
    await bench.wait(bench.interval * 0.4)  # not at the moment of a sample
    await getattr(bench, scenario)()
    verdict, words = SCENARIOS[scenario]
    # nobody is called stuck before ten seconds have passed in the samples, however often they are taken
    allowed = max(2 * bench.interval, STUCK_AFTER + bench.interval)
    allowed += 1.0 if isinstance(bench, EmbeddedBench) else SLACK
    seen = await reaches(bench, verdict, allowed)
    assert words in seen.because
    assert seen.help, "whether scaling would help is always answered"


async def test_the_numbers_are_the_brokers(bench: Bench) -> None:
    """What waits, what is held and who consumes, once nothing moves any more."""
    await reaches(bench, Verdict.KEEPING_UP, 60.0)
    await bench.stop()
    await bench.wait(3.0)
    await bench.quiet()
    truth = await bench.truth()
    async with asyncio.timeout(60):
        while True:
            await bench.wait(bench.interval)
            seen, truth = await bench.look(), await bench.truth()
            found = (seen.lag.value, seen.unacknowledged.value, seen.connected.value)
            if found == (truth.waiting, truth.unacknowledged, truth.consumers):
                break
    assert truth.consumers > 0
    assert truth.unacknowledged > 0
