"""The rules that need no telemetry say of a fault on the real control plane what they say of it in the simulator."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.cluster import known_namespace
from tests.cluster.api import wait_until
from tests.cluster.control_plane import BARE_NODE, ControlPlane
from tests.cluster.namespace_objects import APP, COLLECTOR, NGINX
from tests.operations.opened_console import console_on, console_sees, private_folders

from posdeck.operations.console import Console
from posdeck.operations.drills import drill_named
from posdeck.operations.view import Problem, View

pytestmark = pytest.mark.cluster
Fault = Callable[["Stage", str], None]
Made = tuple[Fault, str, str, str]


def _full(consumer: str) -> str:
    return _backend(f"consumer-{consumer}")


def _backend(short: str) -> str:
    return f"spc--pos--be--{short}--prod"


@dataclass(frozen=True)
class Stage:
    """The reference namespace on the real control plane."""

    plane: ControlPlane
    namespace: str

    def path(self, kind: str, name: str = "") -> str:
        group = {"deployments": "/apis/apps/v1", "poddisruptionbudgets": "/apis/policy/v1"}.get(kind)
        group = "/apis/autoscaling/v2" if kind == "horizontalpodautoscalers" else group or "/api/v1"
        return f"{group}/namespaces/{self.namespace}/{kind}" + (f"/{name}" if name else "")

    def pods(self, deployment: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.plane.api.get(self.path("pods"))["items"]
        return [p for p in items if p["metadata"]["labels"].get("app") == deployment]

    def container(self, deployment: str, **fields: Any) -> None:
        """Release a change of the only container, as a pipeline would."""
        path = self.path("deployments", deployment)
        found = self.plane.api.get(path)["spec"]["template"]["spec"]["containers"][0]
        body = {"spec": {"template": {"spec": {"containers": [found | fields]}}}}
        self.plane.api.patch(path, body)

    def park(self, deployment: str) -> str:
        """Release to a node that nobody runs, so that the new pod keeps the status that it is given."""
        body = {"spec": {"template": {"spec": {"nodeName": BARE_NODE}}}}
        self.plane.api.patch(self.path("deployments", deployment), body)

        def parked() -> list[str]:
            pods = self.pods(deployment)
            return [p["metadata"]["name"] for p in pods if p["spec"].get("nodeName") == BARE_NODE]

        wait_until(lambda: bool(parked()), f"a pod of {deployment} on the bare node")
        return parked()[0]

    def status(self, pod: str, state: dict[str, Any], **more: Any) -> None:
        """Patch the status as a kubelet would."""
        container = {
            "name": "app", "image": "registry.example/x:1", "imageID": "", "ready": False,
            "started": False, "restartCount": 0, "state": state, "lastState": {},
        }  # fmt: skip
        conditions = [
            {
                "type": kind,
                "status": "False",
                "reason": "ContainersNotReady",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
            for kind in ("Ready", "ContainersReady")
        ]
        body = {
            "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [container | more]}
        }
        self.plane.api.patch(f"{self.path('pods', pod)}/status", body)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _waiting(reason: str, message: str) -> Fault:
    def fault(stage: Stage, name: str) -> None:
        stage.status(stage.park(name), {"waiting": {"reason": reason, "message": message}})

    return fault


def _ended(reason: str, code: int) -> Fault:
    def fault(stage: Stage, name: str) -> None:
        ended = {"exitCode": code, "reason": reason, "startedAt": _now(), "finishedAt": _now()}
        state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}
        stage.status(stage.park(name), state, restartCount=9, lastState={"terminated": ended})

    return fault


def _too_large(stage: Stage, name: str) -> None:
    stage.container(name, resources={"requests": {"cpu": "4000"}})


def _no_requests(stage: Stage, name: str) -> None:
    stage.container(name, resources=None)


def _stuck(stage: Stage, name: str) -> None:
    pod = stage.pods(name)[0]["metadata"]["name"]
    stage.plane.api.patch(stage.path("pods", pod), {"metadata": {"finalizers": ["storage.example/detach"]}})
    stage.plane.api.delete(stage.path("pods", pod) + "?gracePeriodSeconds=1")


def _never_ready(stage: Stage, name: str) -> None:
    state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    stage.status(stage.park(name), state, started=True)


def _evicted(stage: Stage, name: str) -> None:
    body = {
        "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    }
    stage.plane.api.patch(f"{stage.path('pods', stage.park(name))}/status", body)


def _probe_fails(stage: Stage, name: str) -> None:
    pod = stage.pods(name)[0]["metadata"]
    about = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": pod["name"],
        "namespace": stage.namespace,
        "uid": pod["uid"],
    }
    event = {
        "metadata": {"generateName": "probe-"}, "involvedObject": about, "type": "Warning", "reason": "Unhealthy",
        "message": "Liveness probe failed: context deadline exceeded", "count": 5,
        "firstTimestamp": _now(), "lastTimestamp": _now(), "source": {"component": "kubelet"},
    }  # fmt: skip
    stage.plane.api.create(stage.path("events"), event)


def _zero(stage: Stage, name: str) -> None:
    stage.plane.api.patch(stage.path("deployments", name), {"spec": {"replicas": 0}})


def _paused(stage: Stage, name: str) -> None:
    stage.plane.api.patch(stage.path("deployments", name), {"spec": {"paused": True}})
    stage.container(name, image="registry.example/pos:2")


def _nobody_behind(stage: Stage, name: str) -> None:
    stage.plane.api.patch(stage.path("services", name), {"spec": {"selector": {"app": "mistyped"}}})


def _missing(stage: Stage, name: str) -> None:
    stage.plane.api.delete(stage.path("deployments", name))


def _blocked(stage: Stage, name: str) -> None:
    budget = {
        "metadata": {"name": "strict"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": name}}},
    }
    stage.plane.api.create(stage.path("poddisruptionbudgets"), budget)


def _quota(stage: Stage, name: str) -> None:
    # far below what there is: the other faults end pods meanwhile
    quota = {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": "1"}}}
    stage.plane.api.create(stage.path("resourcequotas"), quota)
    path = stage.path("resourcequotas", "pods")
    wait_until(lambda: "used" in stage.plane.api.get(path).get("status", {}), "the quota to be counted")
    pod = stage.pods(name)[0]["metadata"]["name"]
    stage.plane.api.delete(stage.path("pods", pod) + "?gracePeriodSeconds=0")


# The fault, the workload that it is made on, the finding that tells of it, and the drill in which the same is made in
# the simulator ("" where no drill makes just this). The quota strikes every new pod.
FAULTS: tuple[Made, ...] = (
    (
        _waiting("ImagePullBackOff", "Back-off pulling image: manifest unknown"),
        _full("default"),
        "pod-image-missing",
        "broken-image-consumer",
    ),
    (
        _waiting("CreateContainerConfigError", 'secret "x" not found'),
        _full("lis-patient"),
        "pod-config-missing",
        "config-missing",
    ),
    (_ended("Error", 1), _full("pos-order"), "pod-crash-looping", "crash-after-release"),
    (_ended("OOMKilled", 137), _full("rate-card-bulk-upload"), "pod-out-of-memory", "out-of-memory"),
    (_too_large, _full("customer"), "pod-pending", "too-large"),
    (_no_requests, APP, "hpa-target-without-requests", "requests-missing"),
    (_stuck, _full("orders-bulk-upload"), "pod-stuck-terminating", "stuck-terminating"),
    (_zero, _full("order"), "workload-stopped", "scaled-to-zero"),
    (_paused, _full("auto-change-answer-na"), "rollout-paused", "rollout-paused"),
    (_never_ready, _backend("wrk--batch-publisher"), "pod-not-ready", "never-ready"),
    (_evicted, _backend("cron"), "pod-evicted", "node-pressure"),
    (_probe_fails, COLLECTOR, "pod-probe-failing", ""),
    (_nobody_behind, NGINX, "service-without-endpoints", ""),
    (_missing, _full("orders-bulk-upload-svip1"), "deployment-missing", ""),
    (_blocked, _full("orders-bulk-upload-vip1"), "disruption-budget-blocked", ""),
    (_quota, _full("orders-bulk-upload-svip2"), "quota-exhausted", "quota-exhausted"),
)


@pytest.fixture
def stage(control_plane: ControlPlane) -> Iterator[Stage]:
    namespace = known_namespace.install(control_plane, f"spc--pos-{uuid.uuid4().hex[:8]}")
    yield Stage(control_plane, namespace)
    control_plane.delete_namespace(namespace)


@asynccontextmanager
async def _console(stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Console]:
    private_folders(monkeypatch, folder)
    async with console_on(stage.plane.kubeconfig, namespace=stage.namespace) as console:
        yield console


def _says(view: View, finding: str, name: str, short: str) -> Problem | None:
    """What tells of this finding about a workload: by itself, or with it folded under another."""
    for each in (*view.problems, *view.risks):
        if each.id == finding and name in (*each.workloads, each.object_name):
            return each
        if any((follower, of) == (finding, short) for follower, of, _ in each.follows):
            return each
    return None


async def test_the_same_faults_are_called_the_same(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All faults at once, each on a workload of its own: none hides another, and each is answered with a runbook that
    the drill of the same fault takes for right."""
    async with _console(stage, tmp_path, monkeypatch) as console:
        short = console.catalogue.short_name
        answers: dict[tuple[str, str], str] = {}
        *others, quota = FAULTS
        for made in (others, [quota]):  # the quota would hide what comes of a release
            for fault, name, _, _ in made:
                fault(stage, name)

            def told(view: View, made: Sequence[Made] = made) -> bool:
                for _, name, finding, _ in made:
                    problem = _says(view, finding, name, short(name))
                    if problem is not None:
                        answers[finding, name] = problem.runbook
                return all((finding, name) in answers for _, name, finding, _ in made)

            await _until(console, told, lambda: f"{[f[1:3] for f in FAULTS if (f[2], f[1]) not in answers]}")
        for _, name, finding, drill in FAULTS:
            if drill:
                practised = drill_named(drill)
                assert finding in practised.signs
                assert answers[finding, name] in practised.runbooks, (finding, answers[finding, name])


async def _until(console: Console, condition: Callable[[View], bool], what: Callable[[], str]) -> None:
    """Some findings wait for certainty, so look on until the deadline."""
    try:
        async with asyncio.timeout(240):
            while not condition(console.view):
                console.look_again()
                await asyncio.sleep(0.2)
    except TimeoutError:
        said = [(p.id, p.short, p.text) for p in console.view.problems]
        raise AssertionError(f"never said: {what()}; said was {said}") from None


async def test_the_namespace_in_health_has_no_incident(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged as a namespace without telemetry: nothing wrong, and the checks that lack data say so."""
    async with _console(stage, tmp_path, monkeypatch) as console:
        await console_sees(console, lambda v: bool(v.risks) and bool(v.cannot_tell))
        loud = [p for p in console.view.problems if p.severity.value in ("critical", "warning")]
        assert loud == [], [(p.id, p.short, p.text) for p in loud]


async def test_metrics_that_are_gone_are_told(
    breakable_control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API service is deleted: absent is said as absent, not as zero."""
    plane = breakable_control_plane
    path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"
    namespace = known_namespace.install(plane, f"spc--pos-{uuid.uuid4().hex[:8]}")
    kept = plane.api.get(path)
    plane.api.delete(path)
    try:
        async with _console(Stage(plane, namespace), tmp_path, monkeypatch) as console:
            await _until(
                console, lambda v: any(p.id == "metrics-absent" for p in v.problems), lambda: "metrics-absent"
            )
    finally:
        plane.api.create(
            path.rpartition("/")[0], {"metadata": {"name": kept["metadata"]["name"]}, "spec": kept["spec"]}
        )
        plane.delete_namespace(namespace)
