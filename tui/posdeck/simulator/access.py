"""Who may do what: the identities of the embedded cluster, each with a token, and the reviews that tell."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from posdeck.simulator.request import Target
from posdeck.simulator.resources import READ
from posdeck.simulator.status import bad_request, forbidden

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """Verbs on resources of groups; "*" is every one. ``namespaced`` limits the rule to what has a namespace."""

    verbs: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    groups: tuple[str, ...] = ("*",)
    namespaced: bool = True

    def allows(self, verb: str, group: str, plural: str, *, in_namespace: bool) -> bool:
        """Whether the rule covers the request; "pods/*" and "*" cover subresources."""
        return (
            (in_namespace or not self.namespaced)
            and ("*" in self.verbs or verb in self.verbs)
            and ("*" in self.groups or group in self.groups)
            and ("*" in self.resources or plural in self.resources)
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """A user of the embedded cluster."""

    name: str
    rules: tuple[Rule, ...]
    groups: tuple[str, ...] = ("system:authenticated",)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def allows(self, verb: str, group: str, plural: str, *, in_namespace: bool) -> bool:
        """Whether any rule does."""
        return any(rule.allows(verb, group, plural, in_namespace=in_namespace) for rule in self.rules)


_REVIEWS = Rule(("create",), groups=("authorization.k8s.io", "authentication.k8s.io"), namespaced=False)
_VIEW = (
    "pods",
    "pods/log",
    "services",
    "endpoints",
    "events",
    "configmaps",
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "horizontalpodautoscalers",
    "poddisruptionbudgets",
    "endpointslices",
    "leases",
    "namespaces",
    "resourcequotas",
    "limitranges",
    "deployments/scale",
    "replicasets/scale",
    "persistentvolumeclaims",
    "serviceaccounts",
)
_VIEWER = (Rule(READ, _VIEW), _REVIEWS)
_OPERATOR = (
    *_VIEWER,
    Rule(
        ("patch", "update"),
        ("deployments", "deployments/scale", "horizontalpodautoscalers", "poddisruptionbudgets", "services"),
    ),
    Rule(("create", "delete"), ("horizontalpodautoscalers", "poddisruptionbudgets", "deployments")),
    Rule(("delete", "patch"), ("pods",)),
    Rule(("create",), ("pods/eviction", "pods/portforward", "events")),
    Rule(("get",), ("pods/portforward", "services/proxy")),
    Rule(("create", "get", "update", "patch", "delete"), ("leases",)),
    Rule(("patch", "update"), ("events",)),
    Rule(("get", "list"), ("pods",), ("metrics.k8s.io",)),
)


def identities() -> dict[str, Identity]:
    """The built-in users by name, with new tokens: admin, operator, operator2, viewer, viewer-no-metrics, nobody."""
    metrics = Rule(("get", "list"), ("pods",), ("metrics.k8s.io",))
    core = tuple(
        Rule(
            r.verbs,
            r.resources,
            (
                "",
                "apps",
                "autoscaling",
                "policy",
                "batch",
                "events.k8s.io",
                "discovery.k8s.io",
                "coordination.k8s.io",
            ),
        )
        for r in _VIEWER[:1]
    )
    found = (
        Identity("admin", (Rule(("*",), namespaced=False),), ("system:masters", "system:authenticated")),
        Identity("operator", _OPERATOR, ("operators", "system:authenticated")),
        Identity("operator2", _OPERATOR, ("operators", "system:authenticated")),
        Identity("viewer", (*core, metrics, _REVIEWS), ("viewers", "system:authenticated")),
        Identity("viewer-no-metrics", (*core, _REVIEWS), ("viewers", "system:authenticated")),
        Identity("nobody", (_REVIEWS,)),
    )
    return {identity.name: identity for identity in found}


def authenticate(known: Mapping[str, Identity], authorization: str) -> Identity | None:
    """Whose token an Authorization header carries; compared in constant time."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    presented = token.strip().encode()
    return next((i for i in known.values() if hmac.compare_digest(i.token.encode(), presented)), None)


def check(identity: Identity, verb: str, target: Target) -> None:
    """Raises 403 unless ``identity`` may."""
    group = target.resource.group
    own_namespace = target.resource.plural == "namespaces" and target.name
    inside = bool(target.namespace or own_namespace)
    if not identity.allows(verb, group, target.plural, in_namespace=inside):
        raise forbidden(
            identity.name,
            verb,
            plural=target.plural,
            group=group,
            name=target.name,
            namespace=target.namespace,
        )


def access_review(identity: Identity, body: Json) -> Json:
    """A SelfSubjectAccessReview with its status filled in."""
    spec = body.get("spec") or {}
    asked = spec.get("resourceAttributes")
    if asked is not None:
        plural = asked.get("resource", "")
        if sub := asked.get("subresource"):
            plural += f"/{sub}"
        named = plural == "namespaces" and asked.get("name")
        allowed = identity.allows(
            asked.get("verb", ""),
            asked.get("group", ""),
            plural,
            in_namespace=bool(asked.get("namespace") or named),
        )
    elif (path := spec.get("nonResourceAttributes")) is not None:
        allowed = path.get("verb") == "get"
    else:
        raise bad_request(
            "spec: exactly one of nonResourceAttributes or resourceAttributes must be specified"
        )
    status: Json = {"allowed": allowed}
    if allowed:
        status["reason"] = f'RBAC: allowed to User "{identity.name}"'
    return {
        **body,
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "status": status,
    }


def rules_review(identity: Identity, body: Json) -> Json:
    """A SelfSubjectRulesReview with its status filled in."""
    rules = [
        {"verbs": list(r.verbs), "apiGroups": list(r.groups), "resources": list(r.resources)}
        for r in identity.rules
    ]
    status = {
        "resourceRules": rules,
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    }
    return {
        **body,
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "status": status,
    }


def subject_review(identity: Identity) -> Json:
    """A SelfSubjectReview: who the server takes the caller for."""
    return {
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {},
        "status": {"userInfo": {"username": identity.name, "groups": list(identity.groups)}},
    }
