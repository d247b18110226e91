"""What the gate must know, asked of the API server just before a write.

The questions are written without input or output, so that posdeck (asynchronous) and an Ansible plugin
(synchronous) ask exactly the same ones: the generator yields a Question and is sent the Answer.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from posdeck.kubetext.templates import template_digest
from posdeck.operations.write import Expected, Write

EMPTY: Mapping[str, Any] = MappingProxyType({})
T = TypeVar("T")

SIMULATED_LABEL = "posdeck/simulated"


@dataclass(frozen=True, slots=True)
class Question:
    """One request: ``path`` with its query, ``body`` as JSON or None."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and the body; status 0 means that no answer came, and ``body`` says why."""

    status: int
    body: bytes = b""

    def json(self) -> Mapping[str, Any]:
        """The body as an object; an empty one when it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return EMPTY
        return value if isinstance(value, dict) else EMPTY

    def message(self) -> str:
        """The server's own message, for people."""
        said = self.json().get("message")
        return str(said) if said else self.body[:200].decode(errors="replace")


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """Which cluster this is. A UID is empty where it may not be read."""

    server: str = ""
    ca_digest: str = ""
    namespace_uid: str = ""
    cluster_uid: str = ""
    simulated: bool = False
    reachable: bool = True
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """The cluster, the target as it is now (None when it does not exist), and what RBAC says.
    ``allowed`` is None when the server could not be asked."""

    cluster: ClusterFacts
    target: Mapping[str, Any] | None = None
    target_problem: str = ""
    found: Expected = Expected()
    allowed: bool | None = None
    permission: str = ""
    permission_reason: str = ""
    username: str = ""
    groups: tuple[str, ...] = field(default=())


Asking = Generator[Question, Answer, "Facts"]


def ask_cluster(namespace: str, server: str, ca_digest: str) -> Generator[Question, Answer, ClusterFacts]:
    """Ask which cluster this is: the UIDs of the namespace and of kube-system, where they may be read."""
    own = yield Question("GET", f"/api/v1/namespaces/{namespace}")
    if own.status == 0:
        return ClusterFacts(server, ca_digest, reachable=False, problem=own.message())
    if own.status == 401:
        return ClusterFacts(
            server, ca_digest, reachable=False, problem="the credentials are not accepted (401)"
        )
    system = yield Question("GET", "/api/v1/namespaces/kube-system")
    metadata = own.json().get("metadata") or {}
    system_metadata = system.json().get("metadata") or {}
    labels = metadata.get("labels") or {}
    return ClusterFacts(
        server=server,
        ca_digest=ca_digest,
        namespace_uid=str(metadata.get("uid") or "") if own.status == 200 else "",
        cluster_uid=str(system_metadata.get("uid") or "") if system.status == 200 else "",
        simulated=own.status == 200 and labels.get(SIMULATED_LABEL) == "true",
        problem="" if own.status == 200 else f"the namespace cannot be read ({own.status}): {own.message()}",
    )


def ask(write: Write, server: str, ca_digest: str) -> Asking:
    """Ask everything that the gate needs for ``write``: cluster, identity, permission, and the target last."""
    cluster = yield from ask_cluster(write.namespace, server, ca_digest)
    permission = _permission_words(write)
    if not cluster.reachable:
        return Facts(cluster, permission=permission)
    review = yield Question(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": _resource_attributes(write)},
        },
    )
    who = yield Question(
        "POST",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
    )
    target = yield Question("GET", write.resource.path(write.namespace, write.name))
    status = review.json().get("status") or {}
    allowed = bool(status.get("allowed")) if review.status in {200, 201} else None
    user = (who.json().get("status") or {}).get("userInfo") or {}
    found = target.json() if target.status == 200 else None
    return Facts(
        cluster=cluster,
        target=found,
        target_problem="" if target.status == 200 else f"{target.status}: {target.message()}",
        found=expected_of(found) if found else Expected(),
        allowed=allowed,
        permission=permission,
        permission_reason=str(status.get("reason") or "") if allowed is not None else review.message(),
        username=str(user.get("username") or ""),
        groups=tuple(str(g) for g in user.get("groups") or ()),
    )


def expected_of(target: Mapping[str, Any]) -> Expected:
    """The UID, template digest and replicas of a raw object, to compare with later."""
    spec = target.get("spec") or {}
    template = spec.get("template")
    replicas = spec.get("replicas")
    return Expected(
        uid=str((target.get("metadata") or {}).get("uid") or ""),
        template_hash=template_digest(template) if isinstance(template, Mapping) else "",
        replicas=replicas if isinstance(replicas, int) else None,
    )


def answer_with(asking: Generator[Question, Answer, T], read: Callable[[Question], Answer]) -> T:
    """Run the questions synchronously."""
    answer: Answer | None = None
    while True:
        try:
            question = next(asking) if answer is None else asking.send(answer)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        answer = read(question)


async def answer_with_async(
    asking: Generator[Question, Answer, T], read: Callable[[Question], Awaitable[Answer]]
) -> T:
    """Run the questions asynchronously."""
    answer: Answer | None = None
    while True:
        try:
            question = next(asking) if answer is None else asking.send(answer)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        answer = await read(question)


def _resource_attributes(write: Write) -> dict[str, str]:
    return {
        "namespace": write.namespace,
        "verb": write.act.verb,
        "group": write.resource.group,
        "version": write.resource.version,
        "resource": write.resource.plural,
        "subresource": write.act.subresource,
        "name": write.name,
    }


def _permission_words(write: Write) -> str:
    group = f".{write.resource.group}" if write.resource.group else ""
    subresource = f"/{write.act.subresource}" if write.act.subresource else ""
    return f"{write.act.verb} {write.resource.plural}{group}{subresource} in namespace {write.namespace}"
