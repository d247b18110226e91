"""Turns deployments into replica sets, revision by revision, and says how far the rollout is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from posdeck.simulator.controllers import rollout
from posdeck.simulator.controllers.progress import deployment_status
from posdeck.simulator.controllers.rollout import DESIRED, HASH_LABEL, MAXIMUM, REVISION, REVISION_HISTORY
from posdeck.simulator.jsontree import clone, dig
from posdeck.simulator.registry import DeleteOptions
from posdeck.simulator.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from posdeck.simulator.selectors import matches
from posdeck.simulator.store import Change, Key
from posdeck.simulator.world import CONTROLLER_MANAGER, World, condition, controller_of, owner_reference

Json = dict[str, Any]

SOURCE = "deployment-controller"
_NOT_COPIED = frozenset(
    {"kubectl.kubernetes.io/last-applied-configuration", REVISION, REVISION_HISTORY, DESIRED, MAXIMUM}
)


class DeploymentController:
    """The deployment controller."""

    name = "deployment"

    def __init__(self, world: World) -> None:
        self._world = world

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        meta = change.object["metadata"]
        if kind == DEPLOYMENTS.key:
            return [(meta["namespace"], meta["name"])]
        if kind == REPLICA_SETS.key:
            owner = controller_of(change.object)
            if owner is not None and owner["kind"] == "Deployment":
                return [(meta["namespace"], owner["name"])]
        return []

    def reconcile(self, key: Key) -> float | None:
        deployment = self._world.store.get(DEPLOYMENTS.key, *key)
        if deployment is None or "deletionTimestamp" in deployment["metadata"]:
            return None
        owned = self._owned(deployment)
        template = deployment["spec"]["template"]
        new = next((rs for rs in owned if rollout.same_template(rs["spec"]["template"], template)), None)
        created = False
        if deployment["spec"].get("paused") or self._resized(deployment, owned):
            self._scale_all(deployment, owned, new)
        else:
            created = new is None
            new = self._sync_new(deployment, owned, new)
            self._roll(deployment, new)
            self._clean_up(deployment, new)
        return self._status(self._again(deployment), new, created=created)

    def _again(self, obj: Json) -> Json:
        """The deployment as it is stored now."""
        return (
            self._world.store.get(DEPLOYMENTS.key, obj["metadata"]["namespace"], obj["metadata"]["name"])
            or obj
        )

    def _owned(self, deployment: Json) -> list[Json]:
        uid, selector = deployment["metadata"]["uid"], deployment["spec"]["selector"]
        for rs in self._world.store.all(REPLICA_SETS.key, deployment["metadata"]["namespace"]):
            if controller_of(rs) is None and matches(selector, rs["metadata"].get("labels")):
                adopted = clone(rs)
                adopted["metadata"].setdefault("ownerReferences", []).append(owner_reference(deployment))
                self._world.change(REPLICA_SETS, adopted)
        return [o for k, o in self._world.store.owned(uid) if k == REPLICA_SETS.key]

    @staticmethod
    def _resized(deployment: Json, owned: list[Json]) -> bool:
        """Whether the number wanted changed since the replica sets were last sized."""
        for rs in owned:
            text = (rs["metadata"].get("annotations") or {}).get(DESIRED)
            if (
                rollout.size(rs) > 0
                and text is not None
                and int(text) != deployment["spec"].get("replicas", 1)
            ):
                return True
        return False

    def _annotations(self, deployment: Json) -> Json:
        surge, _ = rollout.limits(deployment)
        wanted = deployment["spec"].get("replicas", 1)
        return {DESIRED: str(wanted), MAXIMUM: str(wanted + surge)}

    def _sync_new(self, deployment: Json, owned: list[Json], new: Json | None) -> Json:
        """Make sure that the newest replica set exists and carries the highest revision."""
        highest = max((rollout.revision(rs) for rs in owned if rs is not new), default=0)
        number = str(highest + 1)
        if new is None:
            new = self._create(deployment, number)
        elif rollout.revision(new) <= highest:
            changed = clone(new)
            annotations = changed["metadata"].setdefault("annotations", {})
            past = annotations.get(REVISION_HISTORY, "")
            annotations[REVISION_HISTORY] = ",".join(filter(None, [past, annotations.get(REVISION, "")]))
            annotations[REVISION] = number
            annotations.update(self._copied(deployment))
            new = self._world.change(REPLICA_SETS, changed)
        shown = (new["metadata"].get("annotations") or {}).get(REVISION)
        if (deployment["metadata"].get("annotations") or {}).get(REVISION) != shown:
            marked = clone(self._again(deployment))
            marked["metadata"].setdefault("annotations", {})[REVISION] = shown
            self._world.change(DEPLOYMENTS, marked)
        return new

    @staticmethod
    def _copied(deployment: Json) -> Json:
        annotations = deployment["metadata"].get("annotations") or {}
        return {k: v for k, v in annotations.items() if k not in _NOT_COPIED}

    def _create(self, deployment: Json, number: str) -> Json:
        meta, spec = deployment["metadata"], deployment["spec"]
        template = clone(spec["template"])
        mark = rollout.template_hash(template, dig(deployment, "status", "collisionCount") or 0)
        labels = template.setdefault("metadata", {}).setdefault("labels", {})
        labels[HASH_LABEL] = mark
        selector = clone(spec["selector"])
        selector.setdefault("matchLabels", {})[HASH_LABEL] = mark
        head = {
            "name": f"{meta['name']}-{mark}",
            "labels": dict(labels),
            "annotations": self._copied(deployment) | {REVISION: number} | self._annotations(deployment),
            "ownerReferences": [owner_reference(deployment)],
        }
        body: Json = {"metadata": head, "spec": {"replicas": 0, "selector": selector, "template": template}}
        if spec.get("minReadySeconds"):
            body["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        return self._world.registry.create(REPLICA_SETS, meta["namespace"], body, CONTROLLER_MANAGER)

    def _scale(self, deployment: Json, replica_set: Json, wanted: int) -> Json:
        """Set a replica set's size and note what it was sized for."""
        current = self._world.store.get(
            REPLICA_SETS.key, replica_set["metadata"]["namespace"], replica_set["metadata"]["name"]
        )
        if current is None:
            return replica_set
        before = rollout.size(current)
        changed = clone(current)
        changed["spec"]["replicas"] = wanted
        changed["metadata"].setdefault("annotations", {}).update(self._annotations(deployment))
        result = self._world.change(REPLICA_SETS, changed)
        if before != wanted:
            word = "up" if wanted > before else "down"
            self._world.recorder.record(
                deployment,
                "Normal",
                "ScalingReplicaSet",
                f"Scaled {word} replica set {result['metadata']['name']} from {before} to {wanted}",
                source=SOURCE,
            )
        return result

    def _scale_all(self, deployment: Json, owned: list[Json], new: Json | None) -> None:
        """Give the wanted number to the replica sets there are, without moving the rollout on."""
        active = [rs for rs in owned if rollout.size(rs) > 0]
        wanted = deployment["spec"].get("replicas", 1)
        complete = new is not None and not [rs for rs in active if rs is not new]
        if len(active) <= 1 or complete:
            target = new if complete else (active[0] if active else new)
            if target is not None and (active or not deployment["spec"].get("paused")):
                self._scale(deployment, target, wanted)
            return
        for name, count in rollout.proportional(deployment, active).items():
            self._scale(deployment, next(rs for rs in active if rs["metadata"]["name"] == name), count)

    def _roll(self, deployment: Json, new: Json) -> None:
        owned = self._owned(deployment)
        old = [rs for rs in owned if rs["metadata"]["uid"] != new["metadata"]["uid"]]
        new = next((rs for rs in owned if rs["metadata"]["uid"] == new["metadata"]["uid"]), new)
        if deployment["spec"]["strategy"]["type"] == "Recreate":
            for rs in old:
                if rollout.size(rs):
                    self._scale(deployment, rs, 0)
            if any(k == PODS.key for rs in old for k, _ in self._world.store.owned(rs["metadata"]["uid"])):
                return  # wait until the old pods have gone
            self._scale_if(deployment, new, rollout.new_size(deployment, new, owned))
            return
        wanted = rollout.new_size(deployment, new, owned)
        if wanted != rollout.size(new):
            self._scale(deployment, new, wanted)
            return
        self._scale_if(deployment, new, wanted)
        for name, count in rollout.old_sizes(deployment, new, old).items():
            rs = next(rs for rs in old if rs["metadata"]["name"] == name)
            if count != rollout.size(rs):
                self._scale(deployment, rs, count)

    def _scale_if(self, deployment: Json, replica_set: Json, wanted: int) -> None:
        notes = replica_set["metadata"].get("annotations") or {}
        if rollout.size(replica_set) != wanted or not self._annotations(deployment).items() <= notes.items():
            self._scale(deployment, replica_set, wanted)

    def _clean_up(self, deployment: Json, new: Json) -> None:
        """Delete old replica sets beyond the history limit, once the rollout is over."""
        owned = self._owned(deployment)
        old = [rs for rs in owned if rs["metadata"]["uid"] != new["metadata"]["uid"]]
        if any(rollout.size(rs) for rs in old):
            return
        spare = len(old) - deployment["spec"].get("revisionHistoryLimit", 10)
        idle = [rs for rs in old if not dig(rs, "status", "replicas")]
        for rs in sorted(idle, key=rollout.revision)[: max(0, spare)]:
            self._world.registry.delete(
                REPLICA_SETS, rs["metadata"]["namespace"], rs["metadata"]["name"], DeleteOptions()
            )

    def _status(self, deployment: Json, new: Json | None, *, created: bool) -> float | None:
        owned = [
            o for k, o in self._world.store.owned(deployment["metadata"]["uid"]) if k == REPLICA_SETS.key
        ]
        current = next((rs for rs in owned if new and rs["metadata"]["uid"] == new["metadata"]["uid"]), None)
        status = deployment_status(deployment, owned, current, self._world.clock.now(), created=created)
        self._world.write_status(DEPLOYMENTS, deployment, status)
        progressing = condition(status.get("conditions"), "Progressing")
        deadline = deployment["spec"].get("progressDeadlineSeconds")
        waiting = progressing is not None and progressing.get("reason") in (
            "ReplicaSetUpdated",
            "NewReplicaSetCreated",
            "FoundNewReplicaSet",
        )
        if not waiting or deadline is None or progressing is None:
            return None
        since = datetime.fromisoformat(progressing["lastUpdateTime"])
        return float(max(0.5, deadline + 1 - (self._world.clock.now() - since).total_seconds()))
