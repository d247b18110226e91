"""Scaling by the queue on screen: KEDA's states where the HPA is, the proposal with its price, and links out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_front import FULL, FakeFront, hpa, view

from conftest import Opened
from posdeck.operations.links import Link, links_of
from posdeck.operations.scaled_objects import ScaledObject, Scalers, ScalerState, scaled_object
from posdeck.ui.rows.scaling import scaler_lines

BULK = "consumer-orders-bulk-upload"


def scaled(**changes: object) -> ScaledObject:
    raw = {
        "metadata": {"name": "bulk"},
        "spec": {
            "scaleTargetRef": {"name": FULL[BULK]},
            "minReplicaCount": 3,
            "maxReplicaCount": 6,
            "triggers": [{"type": "rabbitmq", "metadata": {"queueName": "pos.bulk", "value": "270"}}],
        },
        "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Active", "status": "True"}]},
    }
    return replace(scaled_object(raw), **changes)  # type: ignore[arg-type]


def front_with(*objects: ScaledObject, installed: bool | None = True, reason: str = "") -> FakeFront:
    return FakeFront(replace(view(), scalers=Scalers(installed, objects, reason)))


@pytest.mark.parametrize("state", list(ScalerState))
def test_each_state_has_its_word_and_what_fails_is_named(state: ScalerState) -> None:
    failing = ("s0-rabbitmq-pos-bulk (3 failures)",)
    text = "\n".join(
        "".join(t for t, _ in line) for line in scaler_lines(scaled(state=state, failing=failing), 120)
    )
    assert state.value in text
    assert "owns hpa/keda-hpa-bulk" in text
    assert "rabbitmq pos.bulk: 270 for each replica" in text
    assert "cannot be read: s0-rabbitmq-pos-bulk (3 failures)" in text


@pytest.mark.parametrize(
    "odd",
    [{}, {"spec": None}, {"spec": {"triggers": [None, "x"]}}, {"status": {"conditions": [1], "health": 3}}],
)
def test_an_odd_object_is_shown_and_crashes_nothing(odd: dict[str, object]) -> None:
    assert scaled_object(odd).state is ScalerState.UNKNOWN


async def test_the_hpa_of_a_scaled_object_says_whose_it_is(opened: Opened) -> None:
    front = front_with(scaled(hpa=hpa().name, state=ScalerState.FALLBACK))
    async with opened(front, size=(160, 50)) as driver:
        assert "KEDA on its fallback" in driver.text()
        await driver.press("4")
        assert driver.line("on its fallback")
        assert "pos.bulk: 270 for each replica" in driver.text()


async def test_a_scaled_object_without_an_hpa_is_not_hidden(opened: Opened) -> None:
    front = front_with(scaled(state=ScalerState.PAUSED, paused_at="2"))
    async with opened(front, size=(160, 60)) as driver:
        await driver.press("4", "G")
        assert "paused at 2 replicas" in driver.text()


async def test_a_proposal_with_its_price_is_applied_by_the_runbook(opened: Opened) -> None:
    front = front_with()
    async with opened(front, size=(200, 50)) as driver:
        await driver.press(":", *"scaling", "enter")
        assert "value 270, 3–6 replicas, cooldown 10 min" in driver.line("Proposed:")
        assert "74.0 replica-hours (+3%), fixed 3: 72.0" in driver.line("Cost")
        assert "51 s, fixed 3: 23 min" in driver.line("Longest wait")
        await driver.press("right")
        assert "only 3 samples: too few" in driver.text()
        await driver.press("b")
        assert "no proposal to apply" in driver.text()


async def test_without_keda_it_says_so(opened: Opened) -> None:
    front = front_with(installed=False, reason="KEDA is not installed: its API is not served")
    async with opened(front) as driver:
        await driver.press(":", *"keda", "enter")
        assert driver.line("KEDA is not installed")


def test_links_take_names_as_parts_of_an_address_and_refuse_what_is_none() -> None:
    workload = replace(
        FakeFront().catalogue.workload(BULK),
        queue="pos.bulk/upload #1",
        links={
            "Queue": "https://b.example/#/queues/pos/$queue",
            "Pod": "https://g.example/?pod=$pod",
            "Script": "javascript:alert(1)",
            "Space": "https://a b",
        },
    )
    found = {link.title: link for link in links_of(workload)}
    assert found["Queue"] == Link("Queue", "https://b.example/#/queues/pos/pos.bulk%2Fupload%20%231")
    assert found["Pod"].problem == "$pod is not known of this object"
    assert "is no address" in found["Script"].problem
    assert "is no address" in found["Space"].problem
    assert links_of(workload, "bulk-1")[1].url == "https://g.example/?pod=bulk-1"


async def test_links_are_copied_where_there_is_no_browser(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    front = FakeFront()
    workloads = dict(front.catalogue.workloads)
    workloads[BULK] = replace(workloads[BULK], links={"Dashboard": "https://g.example/?d=$deployment"})
    by_deployment = {w.deployment: w for w in workloads.values()}
    front.catalogue = replace(front.catalogue, workloads=workloads, by_deployment=by_deployment)
    async with opened(front) as driver:
        await driver.press(":", *f"links {BULK}", "enter")
        assert FULL[BULK] in driver.line("Dashboard")
        await driver.press("enter")
        assert driver.line("no browser here, so it was copied")
        await driver.press("escape", "escape")
        assert "Dashboard" not in driver.text()
