"""Kubernetes objects as the plugins need them: paths, selectors, pods of a workload, revisions, rollouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .client import Client
from .errors import KubeError, NotServedError, UsageError

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
REVISION = "deployment.kubernetes.io/revision"
_TEMPLATE_HASH = "pod-template-hash"

# kind -> (api_version, plural, namespaced); other kinds are looked up in the API's own discovery
_KNOWN = {
    "configmap": ("v1", "configmaps", True),
    "daemonset": ("apps/v1", "daemonsets", True),
    "deployment": ("apps/v1", "deployments", True),
    "event": ("v1", "events", True),
    "horizontalpodautoscaler": ("autoscaling/v2", "horizontalpodautoscalers", True),
    "ingress": ("networking.k8s.io/v1", "ingresses", True),
    "job": ("batch/v1", "jobs", True),
    "namespace": ("v1", "namespaces", False),
    "node": ("v1", "nodes", False),
    "pod": ("v1", "pods", True),
    "poddisruptionbudget": ("policy/v1", "poddisruptionbudgets", True),
    "replicaset": ("apps/v1", "replicasets", True),
    "service": ("v1", "services", True),
    "statefulset": ("apps/v1", "statefulsets", True),
}


# kinds that a cluster has only where somebody installed them: known to writes, looked up by reads
_INSTALLED = {"scaledobject": ("keda.sh/v1alpha1", "scaledobjects", True)}


def collection_path(client: Client, kind: str, api_version: str | None, namespace: str | None) -> str:
    """The URL path of a kind's list. Raises UsageError when the cluster does not serve it."""
    known = _KNOWN.get(kind.lower())
    if known is not None and api_version in (None, known[0]):
        version, plural, namespaced = known
    else:
        version = api_version or "v1"
        plural, namespaced = _discover(client, kind, version)
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{namespace}/{plural}" if namespaced and namespace else f"{root}/{plural}"


def object_path(kind: str, namespace: str, name: str) -> str:
    """The URL path of one object of a well-known namespaced kind."""
    version, plural, _ = {**_KNOWN, **_INSTALLED}[kind.lower()]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{namespace}/{plural}/{name}"


def _discover(client: Client, kind: str, version: str) -> tuple[str, bool]:
    try:
        served = client.get(f"/apis/{version}" if "/" in version else f"/api/{version}")
    except KubeError as error:
        if error.status == 404:
            raise NotServedError(f"{version} {kind}", "this cluster does not serve that API") from error
        raise
    for resource in served.get("resources") or ():
        if resource.get("kind", "").lower() == kind.lower() and "/" not in resource.get("name", ""):
            return str(resource["name"]), bool(resource.get("namespaced"))
    raise NotServedError(f"{version} {kind}", "this cluster does not serve that kind")


def selector_text(selector: Mapping[str, Any]) -> str:
    """A label selector (matchLabels and matchExpressions) as a query parameter. Raises UsageError on an odd
    one."""
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], ",".join(expression.get("values") or ())
        match expression.get("operator"):
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(key)
            case "DoesNotExist":
                parts.append(f"!{key}")
            case other:
                raise UsageError("selector", f"operator {other!r} is unknown")
    if not parts:
        raise UsageError("selector", "it is empty and would select every pod")
    return ",".join(parts)


def replica_sets_of(client: Client, deployment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The replica sets that a deployment controls, newest revision first."""
    namespace = deployment["metadata"]["namespace"]
    query = {"labelSelector": selector_text(deployment["spec"]["selector"])}
    found = client.items(f"/apis/apps/v1/namespaces/{namespace}/replicasets", query)
    own = [rs for rs in found if _controller(rs) == deployment["metadata"]["uid"]]
    return sorted(own, key=revision_of, reverse=True)


def pods_of(client: Client, deployment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A deployment's pods, newest first: those of its replica sets, or of its selector where these are
    forbidden."""
    namespace = deployment["metadata"]["namespace"]
    query = {"labelSelector": selector_text(deployment["spec"]["selector"])}
    pods = client.items(f"/api/v1/namespaces/{namespace}/pods", query)
    try:
        owners = {rs["metadata"]["uid"] for rs in replica_sets_of(client, deployment)}
    except KubeError as error:
        if error.status != 403:
            raise
    else:
        pods = [pod for pod in pods if _controller(pod) in owners]
    return sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True)


def _controller(item: Mapping[str, Any]) -> str:
    owners = item["metadata"].get("ownerReferences") or ()
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")


def revision_of(item: Mapping[str, Any]) -> int:
    """The revision that a replica set or a deployment is annotated with; 0 when it has none."""
    text = (item["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(text) if str(text).isdigit() else 0


def plain_template(item: Mapping[str, Any], *, restart_stamp: bool = True) -> dict[str, Any]:
    """The pod template without the label that replica sets add, and without the restart stamp where asked."""
    template = dict(item["spec"]["template"])
    metadata = {k: v for k, v in (template.get("metadata") or {}).items() if k != "creationTimestamp"}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != _TEMPLATE_HASH}
    annotations = {
        k: v for k, v in (metadata.get("annotations") or {}).items() if restart_stamp or k != RESTARTED_AT
    }
    for key, entries in (("labels", labels), ("annotations", annotations)):
        if entries:
            metadata[key] = entries
        else:
            metadata.pop(key, None)
    return {**template, "metadata": metadata}


def previous_revision(
    deployment: Mapping[str, Any], replica_sets: list[dict[str, Any]], revision: int
) -> dict[str, Any]:
    """The replica set to go back to: ``revision``, or for 0 the newest whose template differs from the
    present one in more than its restart stamp. Raises UsageError when there is none."""
    name = f"deployment/{deployment['metadata']['name']}"
    present = plain_template(deployment, restart_stamp=False)
    others = [rs for rs in replica_sets if plain_template(rs, restart_stamp=False) != present]
    known = ", ".join(str(revision_of(rs)) for rs in replica_sets) or "none"
    if revision:
        found = next((rs for rs in replica_sets if revision_of(rs) == revision), None)
        if found is None:
            raise UsageError(name, f"there is no revision {revision}; kept are {known}")
        return found
    if not others:
        raise UsageError(
            name, f"no kept revision differs from the present one in more than a restart (kept: {known})"
        )
    return others[0]


def shown(item: Mapping[str, Any]) -> dict[str, Any]:
    """An object as a result shows it: without its managed fields, which nobody reads and which are long."""
    metadata = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    return {**item, "metadata": metadata}


def rollout_status(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """How far a rollout is, by the rules of ``kubectl rollout status``: done, failed, a message."""
    spec, status, metadata = (
        deployment.get("spec") or {},
        deployment.get("status") or {},
        deployment["metadata"],
    )
    desired = int(spec.get("replicas", 1))
    updated, total = int(status.get("updatedReplicas") or 0), int(status.get("replicas") or 0)
    available = int(status.get("availableReplicas") or 0)
    counts = {
        "desired": desired,
        "updated": updated,
        "replicas": total,
        "available": available,
        "ready": int(status.get("readyReplicas") or 0),
        "generation": metadata.get("generation"),
        "observed_generation": status.get("observedGeneration"),
        "revision": revision_of(deployment),
        "paused": bool(spec.get("paused")),
    }
    progressing = next((c for c in status.get("conditions") or () if c.get("type") == "Progressing"), {})
    failed = False
    if int(metadata.get("generation") or 0) > int(status.get("observedGeneration") or 0):
        message = "the change has not been taken up yet"
    elif progressing.get("reason") == "ProgressDeadlineExceeded":
        failed, message = True, f"the progress deadline was exceeded: {progressing.get('message', '')}"
    elif updated < desired:
        message = f"{updated} of {desired} new replicas have been created"
    elif total > updated:
        message = f"{total - updated} old replicas are still to be ended"
    elif available < updated:
        message = f"{available} of {updated} new replicas are available"
    else:
        return {**counts, "done": True, "failed": False, "message": "the rollout is complete"}
    return {**counts, "done": False, "failed": failed, "message": message}
