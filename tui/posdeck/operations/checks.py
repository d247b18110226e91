"""The proofs and readings that posdeck makes itself for a runbook, against the live cluster and its numbers.

A proof that cannot be had is "cannot tell", with the reason; it is never a success.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from posdeck.catalogue.model import Workload
from posdeck.cluster.snapshot import Deployment, FeedState, Kind, Snapshot
from posdeck.operations.facts import Question
from posdeck.operations.view import ConsumerView, Evidence
from posdeck.operations.workshop import Workshop
from posdeck.operations.write import RESOURCES
from posdeck.runbooks.events import Verdict
from posdeck.telemetry.reading import Absence, Reading

PERIOD = 0.5  # seconds between two looks at numbers
NO_ANSWER = 20.0  # seconds without any answer from a source after which it is certain that it cannot tell


_NO_ANSWER = {Absence.UNREACHABLE, Absence.INVALID}


@dataclass(frozen=True, slots=True)
class Proof:
    """What a check found, in a sentence."""

    verdict: Verdict
    detail: str


Check = Callable[[Workshop, Workload, float], Awaitable[Proof]]


async def run_check(workshop: Workshop, check: str, target: str, timeout: float) -> Proof:
    """Perform one built-in check on a workload or on each of a group; the worst finding counts."""
    found: list[Proof] = []
    for workload in workloads_of(workshop, target):
        proof = await CHECKS[check](workshop, workload, timeout)
        found.append(Proof(proof.verdict, f"{workload.name}: {proof.detail}"))
    for verdict in (Verdict.FAILED, Verdict.CANNOT_TELL):
        bad = [p.detail for p in found if p.verdict is verdict]
        if bad:
            return Proof(verdict, "; ".join(bad))
    return Proof(Verdict.PASSED, "; ".join(p.detail for p in found))


def workloads_of(workshop: Workshop, target: str) -> tuple[Workload, ...]:
    """The workloads that an inventory name stands for: one, or a group's."""
    catalogue = workshop.catalogue
    if target in catalogue.workloads or target not in catalogue.groups:
        return (catalogue.workload(target),)
    return catalogue.workloads_in(target)


async def rollout_complete(workshop: Workshop, workload: Workload, timeout: float) -> Proof:
    """By the rule of ``kubectl rollout status``, for the generation that the server has now."""
    resource = RESOURCES["Deployment"]
    path = resource.path(workshop.target.namespace, workload.deployment)
    answer = await workshop.ask(Question("GET", path))
    if answer.status != 200:
        return Proof(
            Verdict.CANNOT_TELL, f"the deployment cannot be read ({answer.status}): {answer.message()}"
        )
    generation = int((answer.json().get("metadata") or {}).get("generation") or 0)

    def done(snapshot: Snapshot) -> bool:
        deployment = snapshot.deployments.get(workload.deployment)
        if deployment is None or deployment.observed_generation < generation:
            return False
        return deployment.rollout_done or _deadline_exceeded(deployment)

    snapshot = await _wait(workshop, done, timeout)
    deployment = (snapshot or workshop.feed.snapshot).deployments.get(workload.deployment)
    if deployment is not None and deployment.observed_generation >= generation and deployment.rollout_done:
        return Proof(
            Verdict.PASSED, f"rollout complete, {deployment.available} of {deployment.desired} available"
        )
    state = workshop.feed.snapshot.feed(Kind.DEPLOYMENTS)
    if state.state is not FeedState.LIVE or deployment is None:
        return Proof(Verdict.CANNOT_TELL, f"deployments are {state.state.value}: {state.reason}")
    return Proof(Verdict.FAILED, _why_not(workshop.feed.snapshot, deployment, timeout))


async def pods_ready(workshop: Workshop, workload: Workload, timeout: float) -> Proof:
    """As many pods ready as the deployment wants."""

    def ready(snapshot: Snapshot) -> bool:
        deployment = snapshot.deployments.get(workload.deployment)
        return deployment is not None and deployment.ready >= deployment.desired

    snapshot = await _wait(workshop, ready, timeout)
    present = (snapshot or workshop.feed.snapshot).deployments.get(workload.deployment)
    if snapshot is not None and present is not None:
        return Proof(Verdict.PASSED, f"{present.ready} of {present.desired} pods ready")
    if present is None:
        return Proof(Verdict.CANNOT_TELL, "the deployment is not to be seen")
    return Proof(Verdict.FAILED, _why_not(workshop.feed.snapshot, present, timeout))


async def processing_again(workshop: Workshop, workload: Workload, timeout: float) -> Proof:
    """Messages acknowledged again, or none waiting, by a reading taken after the check began. A source that does
    not answer is not waited for to the end."""
    began = workshop.clock.now()
    deadline = workshop.clock.monotonic() + timeout
    answered = workshop.clock.monotonic()
    while True:
        workshop.refresh_readings()
        view = workshop.readings(workload.name)
        if view is None or view.lag.absence is Absence.NO_SOURCE:
            reason = view.lag.reason if view else "no numbers are read for it"
            return Proof(Verdict.CANNOT_TELL, f"no source says whether it processes ({reason})")
        if view.lag.absence not in _NO_ANSWER:
            answered = workshop.clock.monotonic()
        elif workshop.clock.monotonic() - answered >= NO_ANSWER:
            return Proof(
                Verdict.CANNOT_TELL, f"no answer from its source for {NO_ANSWER:.0f} s ({view.lag.reason})"
            )
        if _since(view.rate_out, began) and (view.rate_out.value or 0) > 0:
            return Proof(
                Verdict.PASSED, f"{view.rate_out.value:.1f} messages a second acknowledged, {_waiting(view)}"
            )
        if _fresh(view.lag, began) and view.lag.value == 0 and view.unacknowledged.value in {0, None}:
            return Proof(Verdict.PASSED, "nothing waits in its queue")
        if workshop.clock.monotonic() >= deadline:
            if not _fresh(view.lag, began):
                return Proof(
                    Verdict.CANNOT_TELL,
                    f"no reading since the restart ({view.lag.reason or view.lag.source})",
                )
            return Proof(Verdict.FAILED, f"nothing acknowledged within {timeout:.0f} s, {_waiting(view)}")
        await workshop.clock.sleep(PERIOD)


async def hpa_within_bounds(workshop: Workshop, workload: Workload, timeout: float) -> Proof:
    """The HPA has readings, can scale, and is not held at a limit."""

    def hpa_of(snapshot: Snapshot) -> Any:
        return next((h for h in snapshot.hpas.values() if h.target_name == workload.deployment), None)

    def sound(snapshot: Snapshot) -> bool:
        hpa = hpa_of(snapshot)
        return hpa is not None and not _hpa_trouble(hpa)

    snapshot = await _wait(workshop, sound, timeout)
    hpa = hpa_of(snapshot or workshop.feed.snapshot)
    if hpa is None:
        state = workshop.feed.snapshot.feed(Kind.HPAS)
        return Proof(Verdict.CANNOT_TELL, f"no HPA is to be seen for it (HPAs are {state.state.value})")
    trouble = _hpa_trouble(hpa)
    if trouble:
        return Proof(Verdict.FAILED, trouble)
    return Proof(Verdict.PASSED, f"{hpa.current} of {hpa.minimum} to {hpa.maximum} replicas, {hpa.targets}")


async def api_answers(workshop: Workshop, workload: Workload, timeout: float) -> Proof:
    """One request to the API through a port-forward answers below 500."""
    from posdeck.operations.probing import probe_workload

    result = await probe_workload(workshop, workload, timeout)
    if result.status is None:
        return Proof(Verdict.CANNOT_TELL if result.unavailable else Verdict.FAILED, result.problem)
    verdict = Verdict.PASSED if result.status < 500 else Verdict.FAILED
    return Proof(verdict, f"answered {result.status} in {result.milliseconds:.0f} ms")


async def collector_sending(workshop: Workshop, workload: Workload, timeout: float) -> Proof:
    """The collector's own counters: it sends, and no new failures."""
    from posdeck.operations.probing import collector_counters

    first = await collector_counters(workshop, workload, timeout)
    if first.problem:
        return Proof(Verdict.CANNOT_TELL, first.problem)
    await workshop.clock.sleep(min(10.0, timeout))
    second = await collector_counters(workshop, workload, timeout)
    if second.problem:
        return Proof(Verdict.CANNOT_TELL, second.problem)
    failed, sent = second.failed - first.failed, second.sent - first.sent
    if failed > 0:
        return Proof(Verdict.FAILED, f"{failed:.0f} spans failed to be sent, {sent:.0f} were sent")
    if sent > 0:
        return Proof(Verdict.PASSED, f"{sent:.0f} spans sent, none failed")
    return Proof(Verdict.CANNOT_TELL, "no spans came in meanwhile")


CHECKS: Mapping[str, Check] = {
    "rollout-complete": rollout_complete,
    "processing-again": processing_again,
    "pods-ready": pods_ready,
    "api-answers": api_answers,
    "hpa-within-bounds": hpa_within_bounds,
    "collector-sending": collector_sending,
}


def queue_numbers(workshop: Workshop, step: str, target: str) -> tuple[Evidence, dict[str, Any]]:
    """The reading ``queue-numbers``: what is known of the workloads' queues, and the facts of a single one."""
    rows: list[tuple[str, ...]] = []
    facts: dict[str, Any] = {}
    workloads = workloads_of(workshop, target)
    for workload in workloads:
        view = workshop.readings(workload.name)
        named = _named(view) if view else {}
        rows.append(
            (workload.name, *(_cell(r) for r in named.values())) if named else (workload.name, "no source")
        )
        if len(workloads) == 1:
            facts = {name: reading.value for name, reading in named.items() if reading.value is not None}
            facts |= {"verdict": view.verdict.value} if view else {}
    width = max(len(r) for r in rows)
    padded = tuple((*row, *[""] * (width - len(row))) for row in rows)
    columns = ("consumer", "waiting", "unacknowledged", "consumers", "in/s", "out/s", "redelivered/s")[:width]
    notice = tuple(v.because for w in workloads if (v := workshop.readings(w.name)) and v.because)
    return Evidence(step, "Queue numbers", columns=columns, rows=padded, notice=notice), facts


def _named(view: ConsumerView) -> dict[str, Reading]:
    return {
        "waiting": view.lag,
        "unacknowledged": view.unacknowledged,
        "consumers": view.connected,
        "rate_in": view.rate_in,
        "rate_out": view.rate_out,
        "redelivered_rate": view.redelivered,
    }


def _cell(reading: Reading) -> str:
    if reading.value is None:
        return (reading.absence or Absence.NOT_YET).value
    return f"{reading.value:,.0f}" if reading.value == int(reading.value) else f"{reading.value:,.1f}"


def _fresh(reading: Reading, since: Any) -> bool:
    return reading.known and reading.at is not None and reading.at > since


def _since(reading: Reading, began: Any) -> bool:
    """Whether the whole window of a rate lies after ``began``: one that reaches back may still see the old pod."""
    return reading.known and reading.since is not None and reading.since >= began


def _waiting(view: ConsumerView) -> str:
    return f"{view.lag.value:,.0f} waiting" if view.lag.value is not None else "waiting unknown"


async def _wait(workshop: Workshop, condition: Callable[[Snapshot], bool], timeout: float) -> Snapshot | None:
    try:
        async with asyncio.timeout(timeout):
            return await workshop.feed.wait_for(condition)
    except TimeoutError:
        return None


def _deadline_exceeded(deployment: Deployment) -> bool:
    return any(
        c.type == "Progressing" and c.reason == "ProgressDeadlineExceeded" for c in deployment.conditions
    )


def _why_not(snapshot: Snapshot, deployment: Deployment, timeout: float) -> str:
    bad = [f"{p.name} {p.status} {p.ready}" for p in snapshot.pods_of(deployment) if not p.is_ready]
    pods = f"; not ready: {', '.join(bad[:5])}" if bad else ""
    said = "; ".join(c.message for c in deployment.conditions if c.status == "False" and c.message)
    return (
        f"{deployment.updated} of {deployment.desired} updated, {deployment.available} available "
        f"after {timeout:.0f} s{pods}{f'; {said}' if said else ''}"
    )


def _hpa_trouble(hpa: Any) -> str:
    for condition in hpa.conditions:
        if condition.type in {"AbleToScale", "ScalingActive"} and condition.status != "True":
            return f"{condition.type} is {condition.status}: {condition.reason} {condition.message}".strip()
        if (
            condition.type == "ScalingLimited"
            and condition.status == "True"
            and condition.reason == "TooManyReplicas"
        ):
            return f"held at its maximum of {hpa.maximum}: {condition.message}"
    if any(m.current_number is None for m in hpa.metrics):
        return f"no reading for {', '.join(m.name for m in hpa.metrics if m.current_number is None)}"
    return ""
