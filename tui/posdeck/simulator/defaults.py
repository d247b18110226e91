"""What the API server fills in when a client leaves it out, for the kinds we serve."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from posdeck.simulator.store import Store

Json = dict[str, Any]


def _probe(probe: Json) -> None:
    for key, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        probe.setdefault(key, value)
    if "httpGet" in probe:
        probe["httpGet"].setdefault("path", "/")
        probe["httpGet"].setdefault("scheme", "HTTP")


def _container(container: Json) -> None:
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    image = container.get("image", "")
    tag = image.rpartition("/")[2].partition(":")[2]
    always = tag in ("", "latest") and "@" not in image
    container.setdefault("imagePullPolicy", "Always" if always else "IfNotPresent")
    container.setdefault("resources", {})
    limits = container["resources"].get("limits")
    if limits:
        container["resources"]["requests"] = {**limits, **container["resources"].get("requests", {})}
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name):
            _probe(container[name])
    for variable in container.get("env") or ():
        if reference := (variable.get("valueFrom") or {}).get("fieldRef"):
            reference.setdefault("apiVersion", "v1")


def pod_spec(spec: Json) -> None:
    """Defaults of a pod's spec, in a template or in a pod."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    for name in ("initContainers", "containers"):
        for container in spec.get(name) or ():
            _container(container)
    for volume in spec.get("volumes") or ():
        for source in ("configMap", "secret", "projected", "downwardAPI"):
            if source in volume:
                volume[source].setdefault("defaultMode", 420)


def _pod(obj: Json, _store: Store) -> None:
    spec = obj["spec"]
    pod_spec(spec)
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("priority", 0)
    if "tolerations" not in spec:
        spec["tolerations"] = [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        ]
    status = obj.setdefault("status", {})
    status.setdefault("phase", "Pending")
    status["qosClass"] = qos_class(spec)


def qos_class(spec: Json) -> str:
    """Guaranteed, Burstable or BestEffort, from the containers' requests and limits."""
    any_set, guaranteed = False, True
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        any_set = any_set or bool(requests or limits)
        for name in ("cpu", "memory"):
            guaranteed = guaranteed and name in limits and requests.get(name, limits[name]) == limits[name]
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _deployment(obj: Json, _store: Store) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.get("rollingUpdate") or {}
        strategy["rollingUpdate"] = {"maxSurge": "25%", "maxUnavailable": "25%"} | rolling
    _template(spec)


def _template(spec: Json) -> None:
    template = spec.get("template")
    if isinstance(template, dict):
        template.setdefault("metadata", {})
        if isinstance(template.get("spec"), dict):
            pod_spec(template["spec"])


def _replica_set(obj: Json, _store: Store) -> None:
    obj["spec"].setdefault("replicas", 1)
    _template(obj["spec"])
    obj.setdefault("status", {}).setdefault("replicas", 0)


def _service(obj: Json, store: Store) -> None:
    spec = obj["spec"]
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    used = {s["spec"].get("clusterIP") for s in store.each("services")}
    taken_ports = {p.get("nodePort") for s in store.each("services") for p in s["spec"].get("ports") or ()}
    rng = random.Random(f"{obj['metadata'].get('namespace')}/{obj['metadata']['name']}")  # noqa: S311  no secret
    if spec["type"] != "ExternalName":
        while not spec.get("clusterIP") or (spec["clusterIP"] != "None" and not spec.get("clusterIPs")):
            free = f"10.8.{rng.randint(16, 31)}.{rng.randint(1, 254)}"
            spec.setdefault("clusterIP", free if free not in used else "")
            spec["clusterIPs"] = [spec["clusterIP"]]
    external = spec["type"] in ("NodePort", "LoadBalancer")
    if external:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
        while external and (not port.get("nodePort")):
            chosen = rng.randint(30000, 32767)
            port["nodePort"] = None if chosen in taken_ports else chosen
    obj.setdefault("status", {}).setdefault("loadBalancer", {})


def _hpa(obj: Json, _store: Store) -> None:
    spec = obj["spec"]
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    status = obj.setdefault("status", {})
    status.setdefault("desiredReplicas", 0)
    status.setdefault("currentMetrics", None)


def _event(obj: Json, _store: Store) -> None:
    obj.setdefault("source", {})
    obj.setdefault("involvedObject", {})
    obj.setdefault("type", "Normal")
    obj.setdefault("reportingComponent", "")
    obj.setdefault("reportingInstance", "")


def _secret(obj: Json, _store: Store) -> None:
    obj.setdefault("type", "Opaque")


def _namespace(obj: Json, _store: Store) -> None:
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {}).setdefault("phase", "Active")
    labels = obj["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = obj["metadata"]["name"]


def _node(obj: Json, _store: Store) -> None:
    obj.setdefault("spec", {})


_DEFAULTS: dict[str, Callable[[Json, Store], None]] = {
    "pods": _pod,
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "services": _service,
    "horizontalpodautoscalers.autoscaling": _hpa,
    "events": _event,
    "secrets": _secret,
    "namespaces": _namespace,
    "nodes": _node,
}


def fill(kind: str, obj: Json, store: Store) -> None:
    """Fill in ``obj``, which has passed validation, in place."""
    if (default := _DEFAULTS.get(kind)) is not None:
        default(obj, store)
