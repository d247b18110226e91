"""Cells: each state has its own word or glyph, and what is not known is never a number."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_front import FULL, NOW, ago, catalogue, consumers, deployment, hpa, known, pod, snapshot, view

from posdeck.cluster.snapshot import Condition, HpaMetric, Snapshot, Usage
from posdeck.operations.view import Problem, Severity, Verdict
from posdeck.telemetry.reading import NO_SOURCE, NOT_YET, Absence, Reading
from posdeck.ui.rows.cells import RowKind, reading_cell
from posdeck.ui.rows.consumers import Consumers
from posdeck.ui.rows.hpa import condition_words, explanation, held_by, metric_lines, wish
from posdeck.ui.rows.objects import Events, Nodes, Revisions, Services
from posdeck.ui.rows.pods import Pods, pod_tone
from posdeck.ui.rows.problems import Findings, Problems
from posdeck.ui.rows.workloads import WallRows, Workloads, workload_state
from posdeck.ui.scene import Scene, load_of
from posdeck.ui.tones import Tone
from posdeck.ui.wall import wall_of


def scene(**changes: object) -> Scene:
    """The fake's view, changed."""
    return Scene(replace(view(), **changes), NOW, wall_of(catalogue()))  # type: ignore[arg-type]


def row(kind: RowKind, key: str, there: Scene) -> dict[str, str]:
    """The texts of one row by column."""
    cells = kind.cells(key, kind.items(there)[key], there)
    return {column.id: cell.text for column, cell in zip(kind.columns, cells, strict=True)}


@pytest.mark.parametrize(
    ("status", "ready", "tone"),
    [
        ("Running", True, Tone.GOOD),
        ("Running", False, Tone.WARN),
        ("CrashLoopBackOff", False, Tone.BAD),
        ("ImagePullBackOff", False, Tone.BAD),
        ("Init:0/1", False, Tone.BUSY),
        ("Init:CrashLoopBackOff", False, Tone.BAD),
        ("ContainerCreating", False, Tone.BUSY),
        ("Completed", False, Tone.DIM),
        ("OOMKilled", False, Tone.BAD),
    ],
)
def test_a_pod_is_judged_by_kubectls_own_words(status: str, ready: bool, tone: Tone) -> None:
    assert pod_tone(pod("d", "x", status=status, ready=ready)) is tone


def test_a_pod_being_deleted_is_busy_whatever_it_says() -> None:
    assert pod_tone(replace(pod("d", "x"), deleted_at=NOW, status="Terminating")) is Tone.BUSY


def test_a_pods_row() -> None:
    there = scene()
    name = next(n for n in there.snapshot.pods if "cron" in n)
    cells = row(Pods(), name, there)
    assert cells["name"].startswith("cron-")
    assert (cells["ready"], cells["status"], cells["restarts"]) == ("1/1", "Running", "3 (12m ago)")
    assert cells["cpu"].endswith("m")
    assert cells["age"] == "11d"


def test_a_pod_that_was_not_measured_has_a_dash_and_not_zero() -> None:
    there = scene()
    cells = row(Pods(), next(n for n in there.snapshot.pods if "nginx" in n), there)
    assert [cells[c] for c in ("cpu", "memory", "cpu_request", "memory_limit")] == ["–"] * 4


def test_a_share_needs_both_numbers() -> None:
    pods = [pod("d", "a"), replace(pod("d", "b"), resources=pod("d", "b").resources.__class__())]
    usage = {p.name: Usage(p.name, 0.1, 64 << 20) for p in pods}
    load = load_of(pods, usage)
    assert load.cpu == pytest.approx(0.2)
    assert load.cpu_of_request is None
    assert load_of(pods, {}).cpu is None


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "ready"),
        ({"desired": 0, "replicas": 0, "ready": 0, "updated": 0, "available": 0}, "asleep"),
        ({"desired": 0}, "stopping"),
        ({"ready": 0}, "down"),
        ({"desired": 3, "ready": 2, "updated": 3}, "short"),
        ({"desired": 3, "ready": 2, "updated": 1}, "rolling"),
        ({"observed_generation": 6}, "rolling"),
        ({"paused": True}, "paused"),
    ],
)
def test_the_state_of_a_deployment_in_a_word(changes: dict[str, object], word: str) -> None:
    assert workload_state(replace(deployment("d", 2), **changes)) == word  # type: ignore[arg-type]


def test_a_ready_deployment_with_a_critical_problem_is_not_shown_as_fine() -> None:
    order = FULL["consumer-order"]
    assert row(Workloads(), order, scene())["state"] == "✖"
    assert row(Workloads(), order, scene(problems=()))["state"] == "✖"  # its queue says so too
    assert row(Workloads(), order, scene(problems=(), consumers={}))["state"] == "●"
    behind = {"consumer-order": consumers()["consumer-orders-bulk-upload"]}
    assert row(Workloads(), order, scene(problems=(), consumers=behind))["state"] == "▲"


def test_the_wall_keeps_the_catalogues_order_and_puts_the_sleeping_last() -> None:
    sections = WallRows().sections(scene()) or []
    assert [title for title, _ in sections][:3] == ["Main API", "Frontend", "Order flow"]
    assert sections[-1] == ("asleep", [FULL["read-hl7-sftp"], FULL["sync-patient"]])
    assert sum(len(keys) for _, keys in sections) == 18


def test_the_wall_shows_what_is_missing_and_what_is_not_in_the_catalogue() -> None:
    there = snapshot()
    deployments = {k: v for k, v in there.deployments.items() if k != FULL["cron"]}
    deployments["stranger"] = deployment("stranger", 1)
    found = scene(snapshot=replace(there, deployments=deployments))
    assert row(WallRows(), FULL["cron"], found)["ready"] == "missing"
    assert (WallRows().sections(found) or [])[-1] == ("not in the catalogue", ["stranger"])


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        (known(0), "0"),
        (known(2318), "2,318"),
        (NO_SOURCE, "no source"),
        (NOT_YET, "…"),
        (Reading(None, absence=Absence.NO_CONSUMER), "no consumer"),
        (Reading(None, absence=Absence.NO_SERIES), "–"),
        (Reading(None, absence=Absence.UNREACHABLE), "?"),
        (Reading(None, absence=Absence.INVALID), "?"),
    ],
)
def test_zero_unknown_nobody_and_no_source_are_four_different_cells(reading: Reading, text: str) -> None:
    assert reading_cell(reading).text == text


def test_a_stuck_consumer_says_so_with_its_arithmetic() -> None:
    cells = row(Consumers(), "consumer-order", scene())
    assert (cells["state"], cells["verdict"], cells["lag"], cells["out"]) == ("✖", "stuck", "2,318", "0.0")
    assert "none acknowledged for 4m12s" in cells["because"]


def test_every_verdict_has_a_glyph_of_its_own_and_its_word() -> None:
    for verdict in Verdict:
        there = scene(consumers={"consumer-order": replace(consumers()["consumer-order"], verdict=verdict)})
        cells = row(Consumers(), "consumer-order", there)
        assert cells["verdict"] == verdict.value
        assert cells["state"] in "●▲✖↻‖☾?"


def test_what_each_metric_asks_for_is_the_controllers_own_arithmetic() -> None:
    cpu = HpaMetric("Resource", "cpu", "85%", "97%", "Utilization", 85.0, 97.0)
    assert wish(cpu, 15).replicas == 18
    assert wish(cpu, 15).formula == "ceil(15 × 97 / 85)"
    within = wish(replace(cpu, current_number=90.0), 15)
    assert (within.replicas, "within the 10 % tolerance" in within.formula) == (15, True)
    assert wish(replace(cpu, current_number=None), 15).replicas is None
    assert wish(replace(cpu, target_number=0.0), 15).replicas is None
    assert wish(cpu, None).replicas is None
    assert wish(replace(cpu, current_number=float("nan")), 15).replicas is None


def texts(lines: list[tuple[tuple[str, Tone], ...]]) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


def test_an_hpa_at_its_maximum_says_what_it_wants_and_that_it_may_not() -> None:
    cpu = HpaMetric("Resource", "cpu", "85%", "97%", "Utilization", 85.0, 97.0)
    full = replace(hpa(), current=15, desired=15, metrics=(cpu,))
    said = texts(explanation(full, scene()))
    assert "ceil(15 × 97 / 85) = 18" in said
    assert "clamped to 15 by 2–15" in said
    assert "no headroom" in said
    assert held_by(full) == "maximum"


def test_a_metric_without_a_reading_is_unknown_and_not_zero() -> None:
    blind = replace(
        hpa(), metrics=(HpaMetric("Resource", "cpu", "85%", "<unknown>", "Utilization", 85.0, None),)
    )
    said = texts(metric_lines(blind, 80))
    assert "<unknown> of 85%" in said
    assert "no reading" in said
    assert "hides part of the need" in texts(explanation(blind, scene()))


def test_an_hpa_without_any_status_is_drawn() -> None:
    bare = replace(hpa(), current=None, desired=None, metrics=(), conditions=(), last_scaled=None)
    assert "no metrics are configured" in texts(metric_lines(bare, 80))
    assert explanation(bare, scene()) is not None


def test_being_limited_at_the_minimum_is_no_warning() -> None:
    low = condition_words(Condition("ScalingLimited", "True", "TooFewReplicas"), scene())
    high = condition_words(Condition("ScalingLimited", "True", "TooManyReplicas"), scene())
    assert (low[0][0], high[0][0]) == ("· ", "▲ ")


def test_problems_come_worst_first_and_say_since_when() -> None:
    there = scene()
    kind = Problems()
    keys = sorted(kind.items(there), key=lambda k: kind.order("severity", k, kind.items(there)[k], there))
    first, second = (row(kind, key, there) for key in keys)
    assert (first["severity"], first["since"], first["way"]) == (
        "critical",
        "4m12s",
        "b  consumer-not-processing",
    )
    assert second["since"] == "≥ 40m"


def test_risks_never_stand_among_what_is_wrong_now() -> None:
    assert [title for title, _ in Findings().sections(scene()) or []] == ["wrong now", "standing risks"]


def test_events_newest_first_with_short_names() -> None:
    cells = row(Events(), "e1", scene())
    assert cells["about"].startswith("pod/cron-")
    assert (cells["count"], cells["glyph"], cells["type"]) == ("×3", "▲", "Warning")


def test_a_service_without_ready_pods_stands_out() -> None:
    there = snapshot()
    lonely = scene(snapshot=replace(there, pods={}))
    assert row(Services(), FULL["app"], lonely)["ready"] == "✖ 0/0"
    assert row(Services(), FULL["app"], scene())["ready"] == "2/2"
    assert row(Services(), FULL["app"], scene())["node_ports"] == "32095"


def test_a_node_under_pressure_says_which() -> None:
    there = snapshot()
    node = next(iter(there.nodes.values()))
    pressed = replace(node, status="NotReady", conditions=(Condition("MemoryPressure", "True"),))
    cells = row(Nodes(), node.name, scene(snapshot=replace(there, nodes={node.name: pressed})))
    assert (cells["glyph"], cells["pressure"]) == ("✖", "MemoryPressure")


def test_revisions_say_whether_going_back_would_change_anything() -> None:
    there = scene()
    kinds = {
        rs.revision: row(Revisions(), key, there)["differs"]
        for key, rs in there.snapshot.replica_sets.items()
        if rs.owner and rs.owner.name == FULL["consumer-order"]
    }
    assert kinds == {41: "current", 40: "differs"}


def test_odd_names_are_made_safe_in_every_kind() -> None:
    odd = "a\x1b[31m[bold]\u202e\n"
    there = snapshot()
    strange = replace(next(iter(there.events.values())), reason=odd, message=odd, about_name=odd)
    changed: Snapshot = replace(there, events={"e": strange})
    risky = Problem("p", Severity.INFO, "pod", odd, odd, odd, ago(minutes=1))
    found = scene(snapshot=changed, problems=(risky,))
    for kind in (Events(), Problems()):
        for key, item in kind.items(found).items():
            for cell in kind.cells(key, item, found):
                assert cell.text.isprintable(), cell
