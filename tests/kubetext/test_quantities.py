"""Quantities are read exactly, printed as the API server prints them, and what is none is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cluster.api import ApiError
from tests.cluster.control_plane import ControlPlane

from posdeck.kubetext.quantities import (
    canonical,
    cpu_cores,
    format_cpu,
    format_memory,
    memory_bytes,
    number,
    parse_quantity,
    quantity_or_none,
)

VALID = (
    *("1", "100", "1000", "1500", "1024", "0.5", ".5", "1.", "+2", "00012", "1.50", "100000000000000000000"),
    *(
        "1n",
        "1500n",
        "0.1n",
        "1u",
        "250m",
        "1500m",
        "0.0001",
        "3.7m",
        "1k",
        "1500k",
        "2.5M",
        "7G",
        "1T",
        "1P",
    ),
    *("1Ki", "1023Ki", "1024Ki", "1.5Ki", "0.5Ki", "160Mi", "0.5Mi", "1.5Gi", "2Ti", "3Pi", "4Ei", "0.001Ki"),
    *(
        "1e3",
        "1E3",
        "1.5e3",
        "12e6",
        "1e-3",
        "5e-9",
        "1e4",
        "100e2",
        "107835392",
        "0.1Gi",
        "1.1Ki",
        "9999999n",
    ),
    *(
        "1E",
        "0.000001",
        "1.5E",
        "12345678901234567890",
        "999999999999999999",
        "1234567890123456.7",
        "0.12345678912",
    ),
    *(
        "8Mi",
        "007Mi",
        "99999999999Ki",
        "123456789012Mi",
        "61.Mi",
        "1.0Gi",
        "1000000",
        "5000m",
        "1000e3",
        "0.1e4",
        "1001e1",
    ),
)
INVALID = (
    *(
        "",
        " ",
        "m",
        "e3",
        "1.2.3",
        "1Kib",
        "1ki",
        "1mi",
        "1 Mi",
        "1e",
        "1ee3",
        "--1",
        "1-",
        "1i",
        "abc",
        "1K",
    ),
    *("∞", "٣", "."),
)
TAKEN_FOR_ZERO = ("m", "e3", ".")  # by the server; no number at all is not the number zero to us


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("250m", "0.25"),
        ("100n", "0.0000001"),
        ("1.5Gi", "1610612736"),
        ("1e3", "1000"),
        ("12E", "12000000000000000000"),
        ("-1.5", "-1.5"),
        ("0.1n", "0.000000001"),  # finer than a nano unit: rounded away from zero
    ],
)
def test_the_number_is_exact(written: str, exact: str) -> None:
    assert parse_quantity(written) == Decimal(exact)


@pytest.mark.parametrize("written", INVALID)
def test_what_is_no_quantity_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        parse_quantity(written)
    assert quantity_or_none(written) is None
    assert (cpu_cores(written), memory_bytes(written), number(written)) == (None, None, None)


@pytest.mark.cluster
def test_canonical_form_is_the_servers(control_plane: ControlPlane, namespace: str) -> None:
    """The targets of an HPA's metrics come back from the server in its own form."""
    metrics = [
        {
            "type": "External",
            "external": {"metric": {"name": f"m{i}"}, "target": {"type": "Value", "value": q}},
        }
        for i, q in enumerate(VALID)
    ]
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}
    body = {
        "metadata": {"name": "h"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 2, "metrics": metrics},
    }
    made = control_plane.api.create(
        f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers", body
    )
    theirs = {
        q: m["external"]["target"]["value"] for q, m in zip(VALID, made["spec"]["metrics"], strict=True)
    }
    assert {q: canonical(q) for q in VALID} == theirs
    assert {q: parse_quantity(q) for q in VALID} == {q: parse_quantity(t) for q, t in theirs.items()}


@pytest.mark.cluster
@pytest.mark.parametrize("written", [q for q in INVALID if q.strip() and q not in TAKEN_FOR_ZERO])
def test_the_server_refuses_them_too(control_plane: ControlPlane, namespace: str, written: str) -> None:
    container = {"name": "a", "image": "registry.invalid/a:1", "resources": {"requests": {"cpu": written}}}
    with pytest.raises(ApiError) as refused:
        control_plane.api.create(
            f"/api/v1/namespaces/{namespace}/pods?dryRun=All",
            {"metadata": {"name": "p"}, "spec": {"containers": [container]}},
        )
    assert refused.value.code == 400


def test_cores_and_bytes() -> None:
    assert cpu_cores("185m") == 0.185
    assert cpu_cores("2") == 2.0
    assert cpu_cores(2) == 2.0
    assert memory_bytes("103Mi") == 103 << 20
    assert memory_bytes("128974848") == 128974848
    assert memory_bytes("1500m") == 2  # a fraction of a byte counts as a byte, as for Kubernetes
    odd: object
    for odd in (None, True, [], {}, "9" * 5000, float("nan"), float("inf")):
        assert cpu_cores(odd) is None
        assert memory_bytes(odd) is None


def test_for_people() -> None:
    assert [format_cpu(c) for c in (None, 0.0, 0.185, 0.19, 0.2501, 1.5, float("nan"))] == [
        *("-", "0m", "185m", "190m", "251m", "1500m", "-"),
    ]
    sizes = (None, 0, 1, 500 << 10, 103 << 20, 107835392, 9 << 30, 64 << 30, 20 << 40, -(5 << 20))
    assert [format_memory(s) for s in sizes] == [
        *("-", "0", "1Ki", "500Ki", "103Mi", "102Mi", "9216Mi", "64.0Gi", "20.0Ti", "-5Mi"),
    ]


_SUFFIXES = (
    "",
    "n",
    "u",
    "m",
    "k",
    "M",
    "G",
    "T",
    "P",
    "E",
    "Ki",
    "Mi",
    "Gi",
    "Ti",
    "Pi",
    "e3",
    "E-6",
    "e12",
)


@given(st.decimals(min_value=0, max_value=10**6, places=3), st.sampled_from(_SUFFIXES))
def test_canonical_form_keeps_the_number_and_is_stable(value: Decimal, suffix: str) -> None:
    written = f"{value:f}{suffix}"
    form = canonical(written)
    assert canonical(form) == form
    assert parse_quantity(form) == parse_quantity(written)


@given(st.text(max_size=40) | st.integers() | st.floats() | st.none())
def test_nothing_makes_them_raise_but_a_wrong_form(value: object) -> None:
    canonical(value)
    assert isinstance(cpu_cores(value), float | None)
    assert isinstance(memory_bytes(value), int | None)
