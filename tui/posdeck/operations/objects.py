"""Single objects for people to read: as the server has them, redacted; of a Secret and a ConfigMap the keys only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posdeck.cluster import resources
from posdeck.cluster.objects import Objects
from posdeck.kubetext.fields import mapping
from posdeck.operations.kinds import Kinds
from posdeck.operations.workshop import Workshop
from posdeck.redaction.redactor import Redactor

NOT_SHOWN = "(not shown)"
# A whole copy of the object as somebody applied it, values of a Secret included; nothing else is lost without it.
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_VALUES = ("data", "stringData", "binaryData")


async def read_object(
    workshop: Workshop, kinds: Kinds, kind: str, name: str, *, lifted: bool = False
) -> Mapping[str, Any]:
    """One object, read afresh; ``lifted`` leaves out the redaction of texts, and shows no value of a Secret or a
    ConfigMap either. Raises UnknownNameError for a kind that is not served, and the ClusterError tree."""
    resource = await kinds.find(workshop.transport, kind)
    found = await Objects(workshop.transport, workshop.target.namespace).get(resource, name)
    by_name_only = resource in (resources.SECRETS, resources.CONFIG_MAPS)
    return shown(found, None if lifted else workshop.redactor, by_name_only=by_name_only)


def shown(
    found: Mapping[str, Any], redactor: Redactor | None, *, by_name_only: bool = False
) -> Mapping[str, Any]:
    """What may be seen of an object: redacted (where there is a ``redactor``), without its applied copy, and with
    ``by_name_only`` the keys of its data without their values."""
    kept = dict(found)
    metadata = dict(mapping(found.get("metadata")))
    annotations = dict(mapping(metadata.get("annotations")))
    if _APPLIED in annotations:
        annotations[_APPLIED] = NOT_SHOWN
        metadata["annotations"] = annotations
    kept["metadata"] = metadata
    hidden: dict[str, Any] = {}
    if by_name_only:
        for part in _VALUES:
            if part in kept:
                hidden[part] = dict.fromkeys(mapping(kept.pop(part)), NOT_SHOWN)
    redacted: dict[str, Any] = kept if redactor is None else redactor.value(kept)
    return {**redacted, **hidden}
