"""The numbers beside the words of an HPA's metrics: percent, cores, bytes or plain, or none at all."""

from __future__ import annotations

import pytest
from tests.kubetext.namespaced_objects import HPAS, hpa

from posdeck.kubetext.hpas import MetricText, hpa_text, metric_texts


def _metrics(name: str) -> tuple[MetricText, ...]:
    return metric_texts({**hpa(name), "status": {"currentMetrics": HPAS[name][1]}})


def test_percent_and_bytes() -> None:
    cpu, memory = _metrics("both")
    assert (cpu.target_kind, cpu.target_number, cpu.current_number) == ("Utilization", 85, 37)
    assert (memory.target_kind, memory.target_number, memory.current_number) == (
        "AverageValue",
        160 << 20,
        107835392,
    )


def test_cores_of_an_average_value() -> None:
    (cpu,) = _metrics("cpu-average-value")
    assert (cpu.target_number, cpu.current_number, cpu.current) == (1.5, 0.185, "185m")


@pytest.mark.parametrize("name", ["no-readings", "first-missing", "wrong-section"])
def test_a_missing_reading_is_unknown_and_no_number(name: str) -> None:
    """Never zero: a metric that cannot be read is what keeps an HPA from scaling."""
    metrics = _metrics(name)
    missing = [m for m in metrics if m.current_number is None]
    assert missing
    assert all(m.current == "<unknown>" for m in missing)
    assert all(m.current != "<unknown>" for m in metrics if m.current_number is not None)


def test_what_a_metric_is_about_is_said() -> None:
    assert _metrics("external-average")[0].described == "q=a"
    assert _metrics("object")[0].described == "Service/queue"
    assert [m.container for m in _metrics("two-containers")] == ["app", "proxy"]


def test_replicas_that_nobody_counted_are_none() -> None:
    assert hpa_text(hpa("both")).current is None
    assert hpa_text({**hpa("both"), "status": {"currentReplicas": 0}}).current == 0
