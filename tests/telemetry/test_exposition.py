"""Prometheus' text format of a pod's own endpoint."""

from __future__ import annotations

import pytest

from posdeck.telemetry.exposition import parse, total
from posdeck.telemetry.source import SourceError

TEXT = rb"""# HELP otelcol_exporter_sent_spans Spans sent
# TYPE otelcol_exporter_sent_spans counter
otelcol_exporter_sent_spans_total{exporter="otlp/a",path="C:\\x",said="a \"b\"\n, c"} 12 1700000000000
otelcol_exporter_sent_spans_total{exporter="otlp/b",} 3e2
otelcol_exporter_queue_size{exporter="otlp/a"} NaN
up 1
"""


def test_labels_escapes_and_timestamps_are_read() -> None:
    metrics = parse(TEXT, "collector")
    assert metrics[0].labels == {"exporter": "otlp/a", "path": "C:\\x", "said": 'a "b"\n, c'}
    assert (metrics[3].name, metrics[3].labels, metrics[3].value) == ("up", {}, 1.0)


def test_sums_are_over_all_series_or_those_with_a_label() -> None:
    metrics = parse(TEXT, "collector")
    assert total(metrics, "otelcol_exporter_sent_spans") == 312
    assert total(metrics, "otelcol_exporter_sent_spans", exporter="otlp/b") == 300
    assert total(metrics, "otelcol_exporter_queue_size") is None  # not a number is not 0
    assert total(metrics, "otelcol_exporter_refused") is None


@pytest.mark.parametrize("body", [b"<html>", b'x{a="1} 3', b"x{a=1} 3", b"x three", b"1x 3"])
def test_what_is_no_metric_is_refused_with_its_line(body: bytes) -> None:
    with pytest.raises(SourceError, match="line 2 is no metric"):
        parse(b"up 1\n" + body, "collector")
