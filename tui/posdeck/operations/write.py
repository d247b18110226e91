"""A write, described before it is made: what the gate judges, what the record keeps, what kubectl would do."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

EMPTY: Mapping[str, Any] = MappingProxyType({})

MITIGATE = "mitigate"
CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Resource:
    """Where a kind lives in the API. ``group`` is empty for the core API."""

    kind: str
    group: str
    version: str
    plural: str

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, of one object, or of its subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        path = f"{root}/namespaces/{namespace}/{self.plural}" if namespace else f"{root}/{self.plural}"
        if name:
            path += f"/{name}"
        return f"{path}/{subresource}" if subresource else path


RESOURCES: Mapping[str, Resource] = MappingProxyType(
    {
        r.kind: r
        for r in (
            Resource("Deployment", "apps", "v1", "deployments"),
            Resource("ReplicaSet", "apps", "v1", "replicasets"),
            Resource("Pod", "", "v1", "pods"),
            Resource("Service", "", "v1", "services"),
            Resource("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers"),
            Resource("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"),
            Resource("ScaledObject", "keda.sh", "v1alpha1", "scaledobjects"),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Act:
    """One kind of write. ``verb`` and ``subresource`` are what RBAC is asked for; ``effect`` is what policies
    go by: a mitigation brings back what ran here, a change brings something new."""

    id: str
    title: str
    verb: str
    effect: str
    subresource: str = ""
    kinds: tuple[str, ...] = ("Deployment",)


ACTS: Mapping[str, Act] = MappingProxyType(
    {
        a.id: a
        for a in (
            Act("rollout-restart", "restart", "patch", MITIGATE),
            Act("rollout-undo", "roll back", "patch", MITIGATE),
            Act("rollout-pause", "pause the rollout", "patch", CHANGE),
            Act("rollout-resume", "resume the rollout", "patch", MITIGATE),
            Act("scale", "scale", "patch", MITIGATE, subresource="scale"),
            Act("delete-pod", "delete a pod", "delete", MITIGATE, kinds=("Pod",)),
            Act("patch", "patch", "patch", CHANGE, kinds=tuple(RESOURCES)),
            Act("apply", "apply", "patch", CHANGE, kinds=tuple(RESOURCES)),
            Act("delete", "delete", "delete", CHANGE, kinds=tuple(RESOURCES)),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the preview showed of the target; the gate and the plugin hold the fresh object against it.
    ``replicas`` is set only where the plan changes them, so that an HPA at work does not void a restart."""

    uid: str = ""
    template_hash: str = ""
    replicas: int | None = None

    def difference(self, found: Expected) -> str:
        """In words what differs, or an empty string."""
        if self.uid and self.uid != found.uid:
            return f"it is another object now (UID {found.uid or 'none'} instead of {self.uid})"
        if self.template_hash and self.template_hash != found.template_hash:
            return "its pod template has changed since the preview"
        if self.replicas is not None and self.replicas != found.replicas:
            return f"it has {found.replicas} replicas instead of the {self.replicas} that the preview showed"
        return ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a runbook adds to the environment's policy for its acts; it tightens and never loosens.
    ``inform`` are contact ids, ``typed`` asks for the typed name where the environment would take a yes."""

    effect: str = MITIGATE
    objects_at_once: int | None = None
    per_hour: int | None = None
    inform: tuple[str, ...] = ()
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """One write on one object. ``name`` is the full name, ``short`` the catalogue's. ``typed`` is what the
    person typed to confirm. ``reason``, ``ticket`` and ``typed`` are empty where nothing was given.

    ``bounds`` are the catalogue's fewest and most replicas; ``objects`` is how many the whole act touches and
    ``at_once`` how many of them at a time; ``undoes`` are the runs of the act that this one takes back,
    and ``left`` is what that act made of each object (see ``aftermath``).
    """

    act: Act
    resource: Resource
    namespace: str
    name: str
    short: str
    kubectl: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    expected: Expected = Expected()
    typed: str = ""
    confirm_as: str = ""  # what has to be typed where an act takes a whole group; else the short name
    reason: str = ""
    ticket: str = ""
    break_glass: str = ""
    runbook: str = ""
    runbook_digest: str = ""
    playbook: str = ""
    playbook_digest: str = ""
    session_id: str = ""
    run_id: str = ""
    diff: str = ""
    limits: Limits = Limits()
    bounds: tuple[int, int] | None = None
    objects: int = 1
    at_once: int = 1
    informed: tuple[str, ...] = ()  # contact ids of those who have been told
    plan_digest: str = ""
    undoes: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    intent_id: str = ""  # given where the lock has to name it beforehand

    @property
    def effect(self) -> str:
        """Mitigation or change: beyond the catalogue's bounds a scaling is a change, as is deleting pods at
        large; a runbook may call its act a change, never the other way round."""
        if CHANGE in {self.act.effect, self.limits.effect}:
            return CHANGE
        if self.act.id == "scale":
            wanted = self.parameters.get("replicas")
            if self.bounds is None or not isinstance(wanted, int):
                return CHANGE
            return MITIGATE if self.bounds[0] <= wanted <= self.bounds[1] else CHANGE
        if self.act.id == "delete-pod" and self.objects > 1:
            return CHANGE
        return MITIGATE

    @property
    def subject(self) -> str:
        """The object, as errors name it."""
        return f"{self.resource.kind.lower()}/{self.name}"


def kubectl_for(
    act: str, resource: Resource, namespace: str, name: str, parameters: Mapping[str, Any]
) -> str:
    """The kubectl command that does the same, to copy (never run by posdeck)."""
    target = f"{resource.kind.lower()}/{name} -n {namespace}"
    match act:
        case "rollout-restart":
            return f"kubectl rollout restart {target}"
        case "rollout-undo":
            revision = parameters.get("revision")
            return f"kubectl rollout undo {target}" + (f" --to-revision={revision}" if revision else "")
        case "rollout-pause" | "rollout-resume":
            return f"kubectl rollout {act.removeprefix('rollout-')} {target}"
        case "scale":
            return f"kubectl scale {target} --replicas={parameters.get('replicas', '?')}"
        case "delete-pod" | "delete":
            return f"kubectl delete {target}"
        case "apply":
            return f"kubectl apply --server-side -n {namespace} -f MANIFEST  # {resource.kind.lower()}/{name}"
        case _:
            patch = json.dumps(parameters.get("patch") or {}, sort_keys=True)
            return f"kubectl patch {target} --type=merge -p {shlex.quote(patch)}"
