"""Leads a session along one path of its graph, every act really carried out by Ansible, and looks at the cluster after
each: what the act was to change is changed and nothing else, and what was taken back is what it was, byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.paths.scenes import Scene
from tests.paths.stage import Part, Stage

from posdeck.cluster.snapshot import Kind
from posdeck.operations.driver import SessionDriver
from posdeck.operations.facts import Question
from posdeck.operations.view import SessionView, View
from posdeck.operations.write import RESOURCES
from posdeck.runbooks.graph import Path
from posdeck.runbooks.model import Act, Decide, Runbook, Tell
from posdeck.runbooks.plan import Plan, changes_between
from posdeck.runbooks.session import Phase, rollback_key

PATIENCE = 240.0  # seconds for one path with all its runs, on a busy machine
CONFLICTS = 20  # updates that may be overtaken by a controller, one after the other
KINDS = ("Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "ScaledObject")
STAMP = "kubectl.kubernetes.io/restartedAt"
PAUSED = "autoscaling.keda.sh/paused"
Objects = dict[str, dict[str, Any]]


def _is_kedas(item: Mapping[str, Any]) -> bool:
    owners = item["metadata"].get("ownerReferences") or ()
    return any(owner["kind"] == "ScaledObject" for owner in owners)


@dataclass
class Leading:
    """One session on its way. ``autoscaled`` deployments have their replicas set by an HPA at any time."""

    stage: Stage
    runbook: Runbook
    scene: Scene
    id: str = ""
    autoscaled: frozenset[str] = field(default=frozenset())

    # the cluster

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """One request as administrator, which has to succeed."""
        answer = await self.stage.console.require_workshop().ask(Question(method, path, body))
        assert answer.status in {200, 201, 202}, f"{method} {path}: {answer.status} {answer.message()}"
        return answer.json()

    async def objects(self) -> Objects:
        """Everything that an act could write to, raw, by "Kind/name"."""
        workshop, found = self.stage.console.require_workshop(), {}
        for kind in KINDS:
            answer = await workshop.ask(Question("GET", RESOURCES[kind].path(workshop.target.namespace)))
            if answer.status != 404:
                assert answer.status == 200, answer.message()
                for item in answer.json()["items"]:
                    if _is_kedas(item):
                        continue  # an HPA that KEDA makes and takes away for its ScaledObject
                    found[f"{kind}/{item['metadata']['name']}"] = {"kind": kind, **item}
        managed = {
            o["spec"]["scaleTargetRef"]["name"] for o in found.values() if o["kind"].startswith("Horizontal")
        }
        self.autoscaled = frozenset(managed)
        return found

    def text(self, found: Mapping[str, Any], *, stamp: bool = True) -> str:
        """A specification as text, byte for byte but for the replicas that an HPA sets."""
        spec = json.loads(json.dumps(found["spec"]))
        if found["kind"] == "Deployment":
            if found["metadata"]["name"] in self.autoscaled:
                spec.pop("replicas", None)
            annotations = spec["template"]["metadata"].get("annotations") or {}
            if not stamp and annotations.pop(STAMP, None) and not annotations:
                del spec["template"]["metadata"]["annotations"]
        if (
            found["kind"] == "ScaledObject"
        ):  # paused by an annotation, which stands for a part of its specification
            spec[PAUSED] = (found["metadata"].get("annotations") or {}).get(PAUSED)
        return json.dumps(spec, sort_keys=True)

    def differing(self, before: Objects, after: Objects, *, stamp: bool = True) -> set[str]:
        """The objects that came, went, or are specified otherwise."""
        same = {
            key
            for key in before.keys() & after.keys()
            if self.text(before[key], stamp=stamp) == self.text(after[key], stamp=stamp)
        }
        return (before.keys() | after.keys()) - same

    async def set_scene(self) -> None:
        """Give the acts something to do, and wait until the namespace stands still."""
        namespace = self.stage.console.require_workshop().target.namespace
        for name, patch in self.scene.first.items():
            await self._put(RESOURCES["Deployment"].path(namespace, name), patch)
        if self.scene.scaled:
            await self._scale_by_queue(namespace, self.scene.scaled)
        await self.stand_still()

    async def _scale_by_queue(self, namespace: str, deployment: str) -> None:
        trigger = {
            "type": "rabbitmq",
            "metadata": {"queueName": "pos.bulk", "mode": "QueueLength", "value": "100"},
        }
        spec = {"scaleTargetRef": {"name": deployment}, "minReplicaCount": 3, "maxReplicaCount": 6}
        made = {
            "apiVersion": _version("ScaledObject"),
            "kind": "ScaledObject",
            "metadata": {"name": deployment, "namespace": namespace},
            "spec": {**spec, "triggers": [trigger]},
        }
        await self.ask("POST", RESOURCES["ScaledObject"].path(namespace), made)

    async def _put(self, path: str, patch: Mapping[str, Any], *, whole: bool = False) -> None:
        """Update an object, again when a controller wrote its status meanwhile; ``whole`` replaces, not merges."""
        workshop = self.stage.console.require_workshop()
        for _ in range(CONFLICTS):
            now = await self.ask("GET", path)
            body = {**now, **patch} if whole else _merged(now, patch)
            answer = await workshop.ask(Question("PUT", path, body))
            if answer.status != 409:
                break
        assert answer.status == 200, f"PUT {path}: {answer.status} {answer.message()}"

    async def stand_still(self) -> None:
        """Wait until every deployment that is not paused has what it wants, in the console's own view."""
        now = await self.objects()
        wanted = {
            o["metadata"]["name"]: o["metadata"]["generation"]
            for o in now.values()
            if o["kind"] == "Deployment"
        }

        def still(view: View) -> bool:
            found = view.snapshot.deployments
            return found.keys() == wanted.keys() and all(
                d.observed_generation >= wanted[d.name] and (d.paused or d.rollout_done)
                for d in found.values()
            )

        self.stage.console.look_again()
        await self.stage.console.wait_for(still)

    async def put_back(self, before: Objects) -> None:
        """Make the namespace what it was before this path; a restart's stamp may stay."""
        namespace = self.stage.console.require_workshop().target.namespace
        now = await self.objects()
        for key in self.differing(before, now, stamp=False):
            kind, _, name = key.partition("/")
            path = RESOURCES[kind].path(namespace, name)
            if key not in before:
                await self.ask("DELETE", path)
            elif key not in now:
                kept = {
                    k: before[key]["metadata"][k] for k in ("name", "labels") if k in before[key]["metadata"]
                }
                body = {
                    "apiVersion": _version(kind),
                    "kind": kind,
                    "metadata": kept,
                    "spec": before[key]["spec"],
                }
                await self.ask("POST", RESOURCES[kind].path(namespace), body)
            else:
                await self._put(path, {"spec": before[key]["spec"]}, whole=True)

    # the session

    async def lead(self, path: Path) -> None:
        """From the first step to the end of ``path``."""
        original = await self.objects()
        try:
            async with asyncio.timeout(PATIENCE):
                await self.set_scene()
                await self._lead(path)
        except (AssertionError, TimeoutError):
            if self.id and not self.driver.session.over:  # it would hold its lock
                self.stage.part.leave.set()
                await self.stage.console.cancel(self.id)
            raise
        finally:
            await self.put_back(original)
            self.stage.clock.ahead += timedelta(hours=2)

    async def _lead(self, path: Path) -> None:
        console = self.stage.console
        params = dict(self.scene.params)
        if self.scene.pod_of:
            pods = console.view.snapshot.pods_of(console.view.snapshot.deployments[self.scene.pod_of])
            params["pod"] = next(p.name for p in pods if p.is_ready)
        self.stage.part = Part()
        self.id = (await console.open_session(self.runbook.id, params)).id
        for edge in path.edges:
            step = self.runbook.step(edge.step)
            if isinstance(step, Decide | Tell | Act):
                view = await self.quiet()
                assert self.driver.session.step == step.id, f"{path}: {view.message or view.result}"
            if isinstance(step, Decide):
                await console.answer(self.id, edge.exit)
            elif isinstance(step, Tell):
                await console.answer(self.id, "told")
            elif isinstance(step, Act):
                await self._act(step, edge.exit)
        view = await self.quiet()
        session = self.driver.session
        told = "; ".join(f"{k}: {v.status.value} {v.note}" for k, v in session.steps.items())
        assert session.phase is Phase.ENDED, f"it waits at {session.step}: {view.message} ({told})"
        trail = [(p.step, p.exit) for p in session.trail]
        assert trail == [(e.step, e.exit) for e in path.edges], f"it went {trail} ({told})"
        assert session.step == path.end

    @property
    def driver(self) -> SessionDriver:
        """The session's driver."""
        return self.stage.console.driver(self.id)

    async def quiet(self) -> SessionView:
        """The session, once it needs somebody or is over."""
        await self.driver.wait_until_quiet()
        return self.stage.console.session(self.id)

    async def _act(self, step: Act, way: str) -> None:
        by, _, back = way.partition("+")
        before, console = await self.objects(), self.stage.console
        view = await self.quiet()
        assert view.confirmation is not None, view.question or view.message
        if by == "cancelled" and step.rollback is not None and not back:
            await console.cancel(self.id)  # nobody has confirmed it
            assert self.differing(before, await self.objects()) == set()
            return
        plan = self.driver.session.steps[step.id].plan
        assert plan is not None
        self.stage.part = part = Part("" if by == "passed" else by)
        await self._confirm(plan)
        if by == "cancelled":
            await part.reached.wait()
            await self._cancel_meanwhile(part)
        view = await self.quiet()
        await self.changed_as_planned(plan, before)
        self.stage.part = Part()
        if step.rollback is not None and by != "passed":
            assert self.driver.session.phase is Phase.OFFERING, view.message
            await console.answer(self.id, "rollback" if back else "decline")
        if back:
            view = await self.quiet()
            assert view.confirmation is not None, view.question or view.message
            undo = self.driver.session.steps[rollback_key(step.id)].plan
            assert undo is not None
            await self._confirm(undo)
            await self.quiet()
            assert self.differing(before, await self.objects()) == set(), "taken back, byte for byte"

    async def _confirm(self, plan: Plan) -> None:
        await self.stage.console.confirm(
            self.id, typed=plan.target, reason="a path", ticket="T-1", informed=("operations", "finance")
        )

    async def _cancel_meanwhile(self, part: Part) -> None:
        """Cancel while a proof is looked at; the proof ends after the session has left the act."""
        cancelling = asyncio.ensure_future(self.driver.cancel())
        while self.driver.session.phase is Phase.VERIFYING:
            await asyncio.sleep(0)
        part.leave.set()
        await cancelling

    async def changed_as_planned(self, plan: Plan, before: Objects) -> None:
        """Every field that the plan changes has its new value, and no other object moved."""
        after = await self.objects()
        wanted = {f"{o.kind}/{o.name}" for o in plan.objects}
        assert self.differing(before, after) == {key for key in wanted if not key.startswith("Pod/")}
        for planned in plan.objects:
            found = after.get(f"{planned.kind}/{planned.name}")
            if found is None:
                assert all(change.after is None for change in planned.changes)
                continue
            now = {change.path: change.after for change in changes_between(None, found)}
            for change in planned.changes:
                if change.path.startswith("/spec/"):
                    assert now.get(change.path) == change.after, change
        for planned in plan.objects:
            if planned.kind == "Pod":
                pods = await self.ask("GET", RESOURCES["Pod"].path(planned.namespace))
                assert planned.uid not in {pod["metadata"]["uid"] for pod in pods["items"]}


def _merged(into: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON merge patch, without deletions."""
    found = dict(into)
    for key, value in patch.items():
        old = found.get(key)
        found[key] = (
            _merged(old if isinstance(old, Mapping) else {}, value) if isinstance(value, Mapping) else value
        )
    return found


def _version(kind: str) -> str:
    resource = RESOURCES[kind]
    return f"{resource.group}/{resource.version}" if resource.group else resource.version


def has_all(view: View) -> bool:
    """The console has read what a path needs, and may write."""
    return view.surroundings.writes == "ask" and has_read(view)


def has_read(view: View) -> bool:
    """The console has read what a path needs."""
    snapshot = view.snapshot
    live = all(snapshot.feed(kind).state.value == "live" for kind in (Kind.PODS, Kind.DEPLOYMENTS, Kind.HPAS))
    return live and bool(snapshot.pods and snapshot.hpas)
