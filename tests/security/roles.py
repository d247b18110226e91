"""The documented roles on a control plane, given to somebody who has no other right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tests.cluster.api import wait_until
from tests.cluster.control_plane import ControlPlane

ROOT = Path(__file__).parents[2]
ROLES = ROOT / "docs" / "rbac"
DOCUMENTED = "spc--pos"
GROUP = "nobodies"  # of the identity ``nobody``, whom nothing else in the test cluster gives a right
API = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/{}"


def documents(name: str) -> list[dict[str, Any]]:
    """The objects of ``docs/rbac/NAME.yaml`` as they are documented."""
    return list(yaml.safe_load_all((ROLES / f"{name}.yaml").read_text()))


def rules(name: str) -> list[dict[str, Any]]:
    """The rules of the role in it."""
    return [r for d in documents(name) if d["kind"] == "Role" for r in d["rules"]]


def grant(plane: ControlPlane, namespace: str, *names: str) -> None:
    """Apply the files with their namespace set. The bindings of the last one are for ``nobody``."""
    for name in names:
        for document in documents(name):
            placed = _placed(document, namespace)
            if document["kind"] == "RoleBinding" and name == names[-1]:
                placed["subjects"][0]["name"] = GROUP
            plane.api.create(API.format(namespace, f"{document['kind'].lower()}s"), placed)
    last = rules(names[-1])[0]
    wait_until(
        lambda: plane.allowed(
            "nobody", last["verbs"][0], last["resources"][0], namespace, last["apiGroups"][0]
        ),
        f"the roles in {namespace}",
    )


def revoke(plane: ControlPlane, namespace: str, *names: str) -> None:
    """Take them away again."""
    for name in names:
        for document in documents(name):
            placed = _placed(document, namespace)
            path = API.format(namespace, f"{document['kind'].lower()}s")
            plane.api.delete(f"{path}/{placed['metadata']['name']}")


def _placed(document: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The object for ``namespace``, under a name that the tests' own bindings there do not have."""
    text = yaml.safe_dump(document).replace(DOCUMENTED, namespace).replace("posdeck-", "documented-")
    placed: dict[str, Any] = yaml.safe_load(text)
    return placed
