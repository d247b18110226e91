"""STATUS and ROLES of a node, and its addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from posdeck.kubetext.fields import at, items, label_map, mapping, text
from posdeck.kubetext.labels import NONE

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"
_UNKNOWN = "<unknown>"

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NodeText:
    """kubectl's cells of a node, apart from its age."""

    status: str  # "Ready", "NotReady,SchedulingDisabled", "Unknown"
    roles: str
    version: str
    internal_ip: str
    external_ip: str
    os_image: str
    kernel: str
    runtime: str


def node_text(node: Object) -> NodeText:
    """All cells of a node (``printNode``). Never raises on odd objects."""
    info = mapping(at(node, "status", "nodeInfo"))
    kernel = text(info.get("kernelVersion")) or _UNKNOWN
    if architecture := text(info.get("architecture")):
        kernel += f" ({architecture})"
    return NodeText(
        status=_status(node),
        roles=",".join(roles(node)) or NONE,
        version=text(info.get("kubeletVersion")),
        internal_ip=_address(node, "InternalIP"),
        external_ip=_address(node, "ExternalIP"),
        os_image=text(info.get("osImage")) or _UNKNOWN,
        kernel=kernel,
        runtime=text(info.get("containerRuntimeVersion")) or _UNKNOWN,
    )


def roles(node: Object) -> list[str]:
    """The roles that a node's labels give it, sorted."""
    found = set()
    for key, value in label_map(at(node, "metadata", "labels")).items():
        if key.startswith(_ROLE_PREFIX):
            found.add(key.removeprefix(_ROLE_PREFIX))
        elif key == _ROLE_LABEL:
            found.add(value)
    return sorted(found - {""})


def _status(node: Object) -> str:
    ready = [c for c in items(at(node, "status", "conditions")) if c.get("type") == "Ready"]
    words = ["Unknown"]
    if ready:
        words = ["Ready" if ready[-1].get("status") == "True" else "NotReady"]
    if at(node, "spec", "unschedulable") is True:
        words.append("SchedulingDisabled")
    return ",".join(words)


def _address(node: Object, kind: str) -> str:
    for address in items(at(node, "status", "addresses")):
        if address.get("type") == kind:
            return text(address.get("address"))
    return NONE
