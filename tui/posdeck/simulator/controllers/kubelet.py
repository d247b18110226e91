"""The kubelets: pull, start, probe, crash, back off and stop the containers of the pods on our nodes.

Pods on nodes that do not exist are left alone, so that a test can write their status by hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from posdeck.simulator.controllers.behaviour import Behaviours, Outcome
from posdeck.simulator.controllers.podstatus import Containers, build, container_id, terminated, waiting
from posdeck.simulator.jsontree import dig
from posdeck.simulator.narrator import Lifecycle
from posdeck.simulator.resources import NODES, PODS
from posdeck.simulator.store import Change, Key
from posdeck.simulator.world import KUBELET, World

Json = dict[str, Any]

SOURCE = "kubelet"
FIRST_BACKOFF, LAST_BACKOFF = 10.0, 300.0


@dataclass(slots=True)
class Run:
    """One pod on its node. ``stage`` is what happens at ``due``, a moment of the clock's monotonic time."""

    stage: str
    due: float
    backoff: float = FIRST_BACKOFF
    ip: str = ""
    what: Containers = field(default_factory=lambda: Containers(waiting("ContainerCreating")))
    started: str = ""
    stopping: float | None = None


class Kubelet:
    """All nodes' kubelets."""

    name = "kubelet"

    def __init__(self, world: World, behaviours: Behaviours, lifecycle: Lifecycle) -> None:
        self._world = world
        self._behaviours = behaviours
        self._lifecycle = lifecycle
        self._runs: dict[str, Run] = {}
        self._addresses = itertools.count(2)

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        if kind != PODS.key:
            return []
        meta = change.object["metadata"]
        if change.type == "DELETED":
            self._runs.pop(meta["uid"], None)
            self._lifecycle.ended(meta["uid"])
            return []
        return [(meta["namespace"], meta["name"])] if change.object["spec"].get("nodeName") else []

    def adopt(self, pod: Json, ip: str) -> None:
        """Take over a pod that has been running since before the simulation began."""
        state = pod["status"]["containerStatuses"][0]
        started = state["state"]["running"]["startedAt"]
        what = Containers({"running": {"startedAt": started}}, ready=True, serial=1)
        self._runs[pod["metadata"]["uid"]] = Run("steady", float("inf"), ip=ip, what=what, started=started)

    def next_address(self) -> str:
        """A pod IP that no pod has."""
        number = next(self._addresses)
        return f"10.4.{number // 250 % 250}.{number % 250 + 2}"

    def reconcile(self, key: Key) -> float | None:
        pod = self._world.store.get(PODS.key, *key)
        if pod is None or not pod["spec"].get("nodeName"):
            return None
        if self._world.store.get(NODES.key, "", pod["spec"]["nodeName"]) is None:
            return None
        now = self._world.clock.monotonic()
        run = self._runs.get(pod["metadata"]["uid"])
        if "deletionTimestamp" in pod["metadata"]:
            return self._stop(pod, run, now)
        if dig(pod, "status", "phase") in ("Succeeded", "Failed"):
            return None
        if run is None:
            run = self._runs[pod["metadata"]["uid"]] = Run("pulled", now + self._jitter(self._pull(pod)))
            self._report(pod, run, "Pending")
            for container in pod["spec"]["containers"]:
                self._event(pod, "Normal", "Pulling", f'Pulling image "{container["image"]}"')
        if run.due <= now:
            getattr(self, f"_on_{run.stage.replace('-', '_')}")(pod, run, now)
        elif run.stage == "steady" and pod["spec"].get("readinessGates"):
            self._report(pod, run, "Running")
        return None if run.due == float("inf") else run.due - now

    def restart(self, pod: Json, reason: str, code: int) -> None:
        """End the containers of a running pod, as a failing liveness probe or the memory limit would."""
        run = self._runs.get(pod["metadata"]["uid"])
        if run is not None and "running" in run.what.state:
            self._crash(pod, run, self._world.clock.monotonic(), reason, code)

    def _jitter(self, seconds: float) -> float:
        return round(
            seconds * self._world.rng.uniform(0.8, 1.3), 1
        )  # tenths, so that many pods share a moment

    def _pull(self, pod: Json) -> float:
        return self._behaviours.of(pod).pull_seconds

    def _event(self, pod: Json, kind: str, reason: str, message: str) -> None:
        self._world.recorder.record(pod, kind, reason, message, source=SOURCE, host=pod["spec"]["nodeName"])

    def _report(self, pod: Json, run: Run, phase: str) -> Json:
        node = self._world.store.get(NODES.key, "", pod["spec"]["nodeName"]) or {}
        host = next(
            (a["address"] for a in dig(node, "status", "addresses") or () if a["type"] == "InternalIP"), ""
        )
        status = build(pod, run.what, phase, now=self._world.now_text(), ip=run.ip, host_ip=host)
        return self._world.write_status(PODS, pod, status, KUBELET)

    def _on_pulled(self, pod: Json, run: Run, now: float) -> None:
        behaviour = self._behaviours.of(pod)
        image = pod["spec"]["containers"][0]["image"]
        if behaviour.outcome is Outcome.NO_IMAGE:
            why = (
                f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": '
                f"{image}: not found"
            )
            run.what.state = waiting("ErrImagePull", why)
            self._event(pod, "Warning", "Failed", f'Failed to pull image "{image}": {why}')
            self._event(pod, "Warning", "Failed", "Error: ErrImagePull")
            run.stage, run.due = "pull-waits", now + self._jitter(3.0)
            self._report(pod, run, "Pending")
            return
        for container in pod["spec"]["containers"]:
            took = f"{self._world.rng.uniform(0.4, 1.4):.3f}s"
            self._event(
                pod,
                "Normal",
                "Pulled",
                f'Successfully pulled image "{container["image"]}" in {took} '
                f"({took} including waiting). Image size: 143652837 bytes.",
            )
        if behaviour.outcome is Outcome.NO_CONFIG:
            run.what.state = waiting("CreateContainerConfigError", behaviour.lacks)
            self._event(pod, "Warning", "Failed", f"Error: {behaviour.lacks}")
            run.stage, run.due = "pulled", now + self._jitter(12.0)
            self._report(pod, run, "Pending")
            return
        self._start(pod, run, now)

    def _on_pull_waits(self, pod: Json, run: Run, now: float) -> None:
        image = pod["spec"]["containers"][0]["image"]
        run.what.state = waiting(
            "ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {image}: not found'
        )
        self._event(pod, "Normal", "BackOff", f'Back-off pulling image "{image}"')
        self._event(pod, "Warning", "Failed", "Error: ImagePullBackOff")
        run.stage, run.due = "pulled", now + run.backoff
        run.backoff = min(LAST_BACKOFF, run.backoff * 2)
        self._report(pod, run, "Pending")

    def _start(self, pod: Json, run: Run, now: float) -> None:
        behaviour = self._behaviours.of(pod)
        run.ip = run.ip or self.next_address()
        run.started = self._world.now_text()
        run.what.serial += 1
        run.what.state, run.what.ready = {"running": {"startedAt": run.started}}, False
        for container in pod["spec"]["containers"]:
            self._event(pod, "Normal", "Created", f"Created container: {container['name']}")
            self._event(pod, "Normal", "Started", f"Started container {container['name']}")
        self._lifecycle.started(pod, run.what.serial)
        if behaviour.outcome in (Outcome.CRASHES, Outcome.OUT_OF_MEMORY):
            run.stage, run.due = "crashes", now + self._jitter(behaviour.lives_seconds)
        elif behaviour.outcome is Outcome.NEVER_READY:
            run.stage, run.due = "unready", now + 10.0
        else:
            run.stage, run.due = "ready", now + self._jitter(behaviour.startup_seconds)
        self._report(pod, run, "Running")

    def _on_ready(self, pod: Json, run: Run, _now: float) -> None:
        self._lifecycle.ready(pod)
        run.what.ready = True
        run.stage, run.due = "steady", float("inf")
        self._report(pod, run, "Running")

    def _on_unready(self, pod: Json, run: Run, now: float) -> None:
        self._event(
            pod, "Warning", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"
        )
        run.due = now + 10.0

    def _on_crashes(self, pod: Json, run: Run, now: float) -> None:
        memory = self._behaviours.of(pod).outcome is Outcome.OUT_OF_MEMORY
        self._crash(pod, run, now, "OOMKilled" if memory else "Error", 137 if memory else 1)

    def _crash(self, pod: Json, run: Run, now: float, reason: str, code: int) -> None:
        name = pod["spec"]["containers"][0]["name"]
        ended = terminated(
            reason, code, run.started, self._world.now_text(), container_id(pod, name, run.what.serial)
        )
        self._lifecycle.crashed(pod, reason)
        run.what.ready = False
        if pod["spec"].get("restartPolicy") == "Never":
            run.what.state, run.due = ended, float("inf")
            self._report(pod, run, "Failed")
            return
        run.what.state = run.what.last = ended
        run.stage, run.due = "backs-off", now + 0.5
        self._report(pod, run, "Running")

    def _on_backs_off(self, pod: Json, run: Run, now: float) -> None:
        meta, name = pod["metadata"], pod["spec"]["containers"][0]["name"]
        run.what.state = waiting(
            "CrashLoopBackOff",
            f"back-off {int(run.backoff)}s restarting failed container={name} "
            f"pod={meta['name']}_{meta['namespace']}({meta['uid']})",
        )
        self._event(
            pod,
            "Warning",
            "BackOff",
            f"Back-off restarting failed container {name} in pod "
            f"{meta['name']}_{meta['namespace']}({meta['uid']})",
        )
        run.stage, run.due = "again", now + run.backoff
        run.backoff = min(LAST_BACKOFF, run.backoff * 2)
        self._report(pod, run, "Running")

    def _on_again(self, pod: Json, run: Run, now: float) -> None:
        run.what.restarts += 1
        self._start(pod, run, now)

    def _stop(self, pod: Json, run: Run | None, now: float) -> float | None:
        meta = pod["metadata"]
        if run is None or "running" not in run.what.state:
            self._world.registry.finish(PODS, meta["namespace"], meta["name"])
            return None
        allowed = datetime.fromisoformat(meta["deletionTimestamp"]) - self._world.clock.now()
        if run.stopping is None:
            run.stopping = now + self._jitter(self._behaviours.of(pod).shutdown_seconds)
            self._lifecycle.stopping(pod)
            for container in pod["spec"]["containers"]:
                self._event(pod, "Normal", "Killing", f"Stopping container {container['name']}")
        if meta.get("deletionGracePeriodSeconds") == 0:
            run.stopping = now
        run.stopping = min(run.stopping, now + max(0.0, allowed.total_seconds()))
        if run.stopping > now:
            return run.stopping - now
        finished = self._world.now_text()
        run.what.state, run.what.ready = terminated("Completed", 0, run.started, finished), False
        run.due = float("inf")
        self._world.registry.finish(PODS, meta["namespace"], meta["name"])
        return None
