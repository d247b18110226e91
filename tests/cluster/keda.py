"""KEDA's CRD of ScaledObjects for a real control plane, with the fields that its documentation names: what is misspelt is
pruned or refused as on a cluster that has KEDA. Its operator is not there; a test writes the status in its place. One test at a time says whether the CRD is there, for the control
plane is the same for every worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.cluster.api import wait_until
from tests.cluster.control_plane import ControlPlane
from tests.cluster.supervision import locked

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}
COUNT: Json = {"type": "integer", "format": "int32"}
TEXTS: Json = {"type": "array", "items": TEXT}
MAP: Json = {"type": "object", "additionalProperties": TEXT}


def _object(required: tuple[str, ...] = (), **fields: Json) -> Json:
    return {"type": "object", "properties": fields, **({"required": list(required)} if required else {})}


_POLICY = _object(("periodSeconds", "type", "value"), periodSeconds=COUNT, type=TEXT, value=COUNT)
_RULES = _object(
    policies={"type": "array", "items": _POLICY}, selectPolicy=TEXT, stabilizationWindowSeconds=COUNT
)
_ADVANCED = _object(
    restoreToOriginalReplicaCount=FLAG,
    horizontalPodAutoscalerConfig=_object(name=TEXT, behavior=_object(scaleDown=_RULES, scaleUp=_RULES)),
    scalingModifiers=_object(formula=TEXT, target=TEXT, activationTarget=TEXT, metricType=TEXT),
)
_TRIGGER = _object(
    ("metadata", "type"),
    type=TEXT,
    name=TEXT,
    metadata=MAP,
    metricType=TEXT,
    useCachedMetrics=FLAG,
    authenticationRef=_object(("name",), name=TEXT, kind=TEXT),
)
_SPEC = _object(
    ("scaleTargetRef", "triggers"),
    scaleTargetRef=_object(("name",), apiVersion=TEXT, kind=TEXT, name=TEXT, envSourceContainerName=TEXT),
    pollingInterval=COUNT,
    initialCooldownPeriod=COUNT,
    cooldownPeriod=COUNT,
    idleReplicaCount=COUNT,
    minReplicaCount=COUNT,
    maxReplicaCount=COUNT,
    fallback=_object(("failureThreshold", "replicas"), failureThreshold=COUNT, replicas=COUNT, behavior=TEXT),
    advanced=_ADVANCED,
    triggers={"type": "array", "items": _TRIGGER},
)
_CONDITION = _object(("status", "type"), type=TEXT, status=TEXT, reason=TEXT, message=TEXT)
_STATUS = _object(
    conditions={"type": "array", "items": _CONDITION},
    health={"type": "object", "additionalProperties": _object(numberOfFailures=COUNT, status=TEXT)},
    hpaName=TEXT,
    externalMetricNames=TEXTS,
    resourceMetricNames=TEXTS,
    lastActiveTime={"type": "string", "format": "date-time"},
    originalReplicaCount=COUNT,
    pausedReplicaCount=COUNT,
    scaleTargetKind=TEXT,
    scaleTargetGVKR=_object(group=TEXT, kind=TEXT, resource=TEXT, version=TEXT),
    triggersTypes=TEXT,
    authenticationsTypes=TEXT,
)
_COLUMNS = (
    ("ScaleTargetKind", ".status.scaleTargetKind", "string"),
    ("ScaleTargetName", ".spec.scaleTargetRef.name", "string"),
    ("Min", ".spec.minReplicaCount", "integer"),
    ("Max", ".spec.maxReplicaCount", "integer"),
    ("Ready", '.status.conditions[?(@.type=="Ready")].status', "string"),
    ("Active", '.status.conditions[?(@.type=="Active")].status', "string"),
    ("Fallback", '.status.conditions[?(@.type=="Fallback")].status', "string"),
    ("Paused", '.status.conditions[?(@.type=="Paused")].status', "string"),
    ("Age", ".metadata.creationTimestamp", "date"),
)

NAME = "scaledobjects.keda.sh"
CRD: Json = {
    "metadata": {"name": NAME},
    "spec": {
        "group": "keda.sh",
        "scope": "Namespaced",
        "names": {
            "plural": "scaledobjects",
            "singular": "scaledobject",
            "kind": "ScaledObject",
            "listKind": "ScaledObjectList",
            "shortNames": ["so"],
        },
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "additionalPrinterColumns": [
                    {"name": name, "jsonPath": path, "type": kind} for name, path, kind in _COLUMNS
                ],
                "schema": {
                    "openAPIV3Schema": _object(
                        ("spec",),
                        apiVersion=TEXT,
                        kind=TEXT,
                        metadata={"type": "object"},
                        spec=_SPEC,
                        status=_STATUS,
                    )
                },
            }
        ],
    },
}


@contextmanager
def absent(plane: ControlPlane) -> Iterator[None]:
    """The control plane does not know ScaledObjects meanwhile."""
    with locked(plane.state / "keda.lock"):
        yield


@contextmanager
def installed(plane: ControlPlane) -> Iterator[None]:
    """The control plane serves ScaledObjects meanwhile, and nothing acts on them."""
    with locked(plane.state / "keda.lock"):
        plane.api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD)
        wait_until(
            lambda: plane.kubectl("get", NAME, "-A").returncode == 0, "the API server serves ScaledObjects"
        )
        try:
            yield
        finally:
            plane.kubectl("delete", "crd", NAME, "--ignore-not-found", "--wait=true")
