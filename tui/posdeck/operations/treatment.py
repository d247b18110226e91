"""What people do about a fault, done to a simulated namespace as kubectl would do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posdeck.errors import UnknownNameError
from posdeck.operations.drill_list import Cure

if TYPE_CHECKING:
    from posdeck.simulator.server import Simulator

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
DOUBLED = 2


def treat(cluster: Simulator, cure: Cure, target: str) -> None:
    """Carry out ``cure`` on a deployment by its full name; "" restarts every consumer, or mends what is outside."""
    if cure is Cure.OUTSIDE:
        cluster.clear()
        return
    if not target:
        targets = [d.name for d in cluster.seed.deployments if d.queue is not None]
        targets += [d.name for d in cluster.seed.deployments if d.role == "api"]
    else:
        targets = [target]
    for name in targets:
        _TREATMENTS[cure](cluster, name)


def _change(cluster: Simulator, name: str, patch: dict[str, Any]) -> None:
    from posdeck.simulator.registry import Patch, Write
    from posdeck.simulator.resources import DEPLOYMENTS

    cluster.registry.patch(
        DEPLOYMENTS, cluster.seed.namespace, name, Patch("strategic", patch), Write("kubectl")
    )


def _restart(cluster: Simulator, name: str) -> None:
    now = cluster.clock.now().isoformat()
    _change(cluster, name, {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: now}}}}})


def _scale_up(cluster: Simulator, name: str) -> None:
    deployment = cluster.object("apps/deployments", name)
    if deployment is None:
        raise UnknownNameError(f"deployment {name}", "the simulated namespace has none of this name")
    _change(cluster, name, {"spec": {"replicas": max(1, DOUBLED * int(deployment["spec"]["replicas"]))}})


def _resume(cluster: Simulator, name: str) -> None:
    _change(cluster, name, {"spec": {"paused": False}})


def _roll_back(cluster: Simulator, name: str) -> None:
    """To the newest revision whose containers differ from those of now: a restart makes a revision, too, and going
    back over it alone changes nothing."""
    from posdeck.simulator.jsontree import clone
    from posdeck.simulator.registry import Write
    from posdeck.simulator.resources import DEPLOYMENTS

    deployment = cluster.object("apps/deployments", name)
    if deployment is None:
        raise UnknownNameError(f"deployment {name}", "the simulated namespace has none of this name")
    uid = deployment["metadata"]["uid"]
    sets = [
        each
        for each in cluster.objects("apps/replicasets")
        if any(o["uid"] == uid for o in each["metadata"].get("ownerReferences") or ())
    ]
    sets.sort(key=lambda each: int(each["metadata"]["annotations"].get(REVISION, 0)), reverse=True)
    present = deployment["spec"]["template"]["spec"]
    earlier = [each for each in sets if each["spec"]["template"]["spec"] != present]
    if not earlier:
        raise UnknownNameError(f"deployment {name}", "it has no earlier revision")
    template = clone(earlier[0]["spec"]["template"])
    template["metadata"]["labels"].pop(HASH, None)
    changed = clone(deployment)
    changed["spec"]["template"] = template
    cluster.registry.update(DEPLOYMENTS, cluster.seed.namespace, changed, Write("kubectl"))


def _delete_pod(cluster: Simulator, name: str) -> None:
    """The pod that works least: the one that is hit, where one is."""
    from posdeck.simulator.registry import DeleteOptions
    from posdeck.simulator.resources import PODS

    pods = [p for p in cluster.load.pods(name).values() if "deletionTimestamp" not in p["metadata"]]
    if pods:
        idlest = min(pods, key=lambda p: (cluster.faults.service_factor(p), p["metadata"]["name"]))
        cluster.registry.delete(PODS, cluster.seed.namespace, idlest["metadata"]["name"], DeleteOptions())


_TREATMENTS = {
    Cure.RESTART: _restart,
    Cure.SCALE_UP: _scale_up,
    Cure.ROLL_BACK: _roll_back,
    Cure.RESUME: _resume,
    Cure.DELETE_POD: _delete_pod,
}
