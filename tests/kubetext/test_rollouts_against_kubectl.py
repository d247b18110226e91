"""What we say of a rollout is what ``kubectl rollout status`` says of it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.api import wait_until
from tests.cluster.control_plane import ControlPlane

from posdeck.kubetext.deployments import Rollout, rollout

pytestmark = pytest.mark.cluster


def _deployment(name: str, **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    pod: dict[str, Any] = {"containers": [{"name": "app", "image": "registry.invalid/app:1"}]}
    pod.update(spec.pop("pod", {}))
    template = {"metadata": {"labels": labels}, "spec": pod}
    return {
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }


def _settled(plane: ControlPlane, path: str, message: str) -> dict[str, Any]:
    """The deployment, once we say ``message`` of it."""
    found: dict[str, Any] = {}

    def says() -> bool:
        found.update(plane.api.get(path))
        return message in rollout(found).message

    wait_until(says, f"{message!r} of {path}")
    return found


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"replicas": 2}, "successfully rolled out"),
        ({"replicas": 0}, "successfully rolled out"),
        ({"replicas": 2, "paused": True}, "0 out of 2 new replicas have been updated"),
        ({"replicas": 1, "pod": {"nodeSelector": {"no": "such"}}}, "0 of 1 updated replicas are available"),
        (
            {"replicas": 1, "progressDeadlineSeconds": 1, "pod": {"nodeSelector": {"no": "such"}}},
            "exceeded its progress deadline",
        ),
    ],
)
def test_words_are_kubectls(
    control_plane: ControlPlane, namespace: str, spec: dict[str, Any], message: str
) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    control_plane.api.create(path, _deployment("d", **spec))
    ours = rollout(_settled(control_plane, f"{path}/d", message))
    done = control_plane.kubectl("rollout", "status", "deployment/d", "-n", namespace, "--watch=false")
    assert (done.stdout or done.stderr).strip().removeprefix("error: ") == ours.message
    assert ours.failed is (done.returncode != 0)


def test_old_replicas_that_are_still_there_are_not_done(control_plane: ControlPlane, namespace: str) -> None:
    """A second revision that never becomes ready leaves the first one running beside it."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    control_plane.api.create(path, _deployment("d", replicas=1))
    _settled(control_plane, f"{path}/d", "successfully rolled out")
    change = {"spec": {"template": {"spec": {"nodeSelector": {"no": "such"}}}}}
    control_plane.api.patch(f"{path}/d", change)
    ours = rollout(_settled(control_plane, f"{path}/d", "1 old replicas are pending termination"))
    done = control_plane.kubectl("rollout", "status", "deployment/d", "-n", namespace, "--watch=false")
    assert done.stdout.strip() == ours.message
    assert not ours.done


def test_a_change_that_was_not_observed_yet_is_not_done() -> None:
    deployment = {
        "metadata": {"name": "d", "generation": 3},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    }
    assert rollout(deployment) == Rollout(False, "Waiting for deployment spec update to be observed...")
