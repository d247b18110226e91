"""A ConfigMap or Secret, or a key in one, that a container needs and that is not there."""

from __future__ import annotations

import re
from functools import partial

from posdeck.cluster.snapshot import Pod
from posdeck.findings.rule import PodRule
from posdeck.findings.signs import Sign, condition, waiting
from posdeck.findings.wording import quoted

REASON = "CreateContainerConfigError"
_NAMED = re.compile(r"(configmap|secret) \"?([a-z0-9.-]+(?:/[a-z0-9.-]+)?)\"?", re.IGNORECASE)


def sign(pod: Pod) -> Sign | None:
    """A container that the kubelet cannot configure."""
    for container in pod.containers:
        if container.state == "waiting" and container.reason == REASON:
            named = missing_object(container.message)
            ready = condition(pod, "ContainersReady") or condition(pod, "Ready")
            return Sign(
                what=f"cannot start: {quoted(container.message) or 'its configuration is missing'}",
                since=(ready[3] if ready else None) or pod.created,
                evidence=partial(waiting, container),
                likely=f"{named[0]} {named[1]} or a key in it was removed or never created"
                if named
                else "a ConfigMap, a Secret or a key in one was removed or never created",
                cause=named,
            )
    return None


def missing_object(message: str) -> tuple[str, str] | None:
    """Kind and name of the object that a message of the kubelet says is missing."""
    found = _NAMED.search(message[:4000])
    if found is None:
        return None
    return ("ConfigMap" if found[1].lower() == "configmap" else "Secret"), found[2].rpartition("/")[2]


RULE = PodRule("pod-config-missing", sign, phases=frozenset(), reasons=frozenset({REASON}))
