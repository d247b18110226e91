"""The trace pipeline from the collector's own metrics port: rates out of two looks, and never a wrong sum."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.telemetry.embedded_cluster import Embedded, embedded, view_of

from posdeck.operations.tracing import Tracing, TracingView
from posdeck.simulator.faults import Fault
from posdeck.telemetry.collector import (
    Counts,
    TraceState,
    counts_of,
    judge_traces,
    numbers_between,
    together,
)
from posdeck.telemetry.exposition import parse
from posdeck.telemetry.reading import Absence

TEXT = b"""# TYPE otelcol_receiver_accepted_spans counter
otelcol_receiver_accepted_spans_total{receiver="otlp",transport="grpc"} 900
otelcol_receiver_accepted_spans_total{receiver="otlp",transport="http"} 100
otelcol_receiver_refused_spans_total{receiver="otlp"} 0
otelcol_exporter_sent_spans_total{exporter="otlp"} 800
otelcol_exporter_send_failed_spans_total{exporter="otlp"} 5
otelcol_exporter_queue_size{exporter="otlp"} 200
otelcol_exporter_queue_capacity{exporter="otlp"} 1000
"""
START = counts_of(parse(TEXT, "collector"), 100.0)


def later(seconds: float = 10.0, **changed: float) -> Counts:
    return Counts(100.0 + seconds, {**START.values, **changed})


def test_receivers_are_summed_and_both_spellings_read() -> None:
    assert START.values["accepted"] == 1000
    assert START.values["dropped"] is None
    old = counts_of(parse(TEXT.replace(b"_total", b""), "collector"), 100.0)
    assert old.values == START.values


@pytest.mark.parametrize(
    ("changed", "state", "words"),
    [
        (
            {"accepted": 1100.0, "sent": 900.0},
            TraceState.KEEPING_UP,
            "10.0 spans a second come in, 10.0 go out",
        ),
        ({"refused": 50.0}, TraceState.REFUSING, "5.0 spans a second are refused"),
        ({"failed": 25.0}, TraceState.EXPORT_FAILING, "2.0 spans a second cannot be handed on"),
        ({"queued": 850.0}, TraceState.NEARLY_FULL, "85% of the queue"),
        ({"queued": 250.0}, TraceState.FALLING_BEHIND, "grows by 5.00 batches a second, full in 2 min"),
    ],
)
def test_each_state_with_its_arithmetic(changed: dict[str, float], state: TraceState, words: str) -> None:
    found, because = judge_traces(numbers_between(START, later(**changed), "collector"))
    assert (found, words in because) == (state, True), because


def test_one_look_gives_no_rate_and_a_restart_no_negative_one() -> None:
    first = numbers_between(None, START, "collector")
    assert first.accepted.absence is Absence.NOT_YET
    assert first.fill == 0.2
    assert judge_traces(first)[0] is TraceState.CANNOT_TELL
    again = numbers_between(START, later(accepted=30.0), "collector")
    assert again.accepted.value == 3.0


def test_what_one_of_two_collectors_does_not_say_is_not_known_of_both() -> None:
    both = together([START, Counts(101.0, {**START.values, "sent": None})])
    assert both.values["accepted"] == 2000
    assert both.values["sent"] is None


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Embedded]:
    async with embedded(tmp_path) as started:
        await started.advance(5)
        yield started


async def read(cluster: Embedded, tracing: Tracing) -> TracingView:
    """Read while time goes on: the second look is made after the first."""
    reading = asyncio.ensure_future(tracing.read(3600.0))
    async with asyncio.timeout(60):
        while not reading.done():
            await cluster.advance(1.0)
            await asyncio.sleep(0.01)
    return reading.result()


async def tracing_of(cluster: Embedded, *, connected: bool = True) -> Tracing:
    view = await view_of(cluster)
    return Tracing(
        cluster.catalogue,
        cluster.clock,
        lambda: cluster.transport if connected else None,
        lambda: cluster.numbers.source,
        lambda: view,
    )


async def test_the_collectors_port_is_read_and_a_fault_is_seen(cluster: Embedded) -> None:
    tracing = await tracing_of(cluster)
    seen = await read(cluster, tracing)
    assert (seen.state, seen.source) == (TraceState.KEEPING_UP, "otel-collector's own metrics"), seen
    assert seen.numbers.accepted.value == pytest.approx(40 * 9, rel=0.4)
    assert [plot.reason for plot in seen.plots] == ["", ""]
    collector = cluster.catalogue.workload("otel-collector").deployment
    cluster.simulator.inject(Fault("export-failing", collector))
    await cluster.advance(30.0)
    failing = await read(cluster, tracing)
    assert failing.state is TraceState.EXPORT_FAILING, failing.because
    assert (failing.numbers.queued.value or 0) > 0


async def test_without_its_port_prometheus_stands_in_and_it_is_said(cluster: Embedded) -> None:
    seen = await read(cluster, await tracing_of(cluster, connected=False))
    assert seen.source == "embedded Prometheus"
    assert "not connected" in seen.problem
    assert seen.numbers.accepted.known
