"""Faults that come with a release: a changed pod template whose pods do not work. Going back to the template that was
there before cures them; restarting makes more pods of the same kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from posdeck.simulator.controllers.behaviour import Behaviour, Outcome
from posdeck.simulator.controllers.rollout import same_template
from posdeck.simulator.faults_model import Effect, Json, Kind
from posdeck.simulator.jsontree import clone
from posdeck.simulator.registry import Write
from posdeck.simulator.resources import DEPLOYMENTS

RELEASE = Write("release-pipeline")
PROBE_SECONDS = 10
PROBE_FAILURES = 3


class Release(Effect):
    """Changes the template at the injection; ends when the deployment's template is another again."""

    TAG: ClassVar[str] = "1.43.0"

    def begin(self) -> None:
        deployment = clone(self.deployment())
        self.change(deployment["spec"]["template"]["spec"]["containers"][0], deployment)
        stored = self.scene.world.change(DEPLOYMENTS, deployment, RELEASE)
        self.template = stored["spec"]["template"]

    def deployment(self) -> Json:
        """The deployment as it is now."""
        namespace = self.scene.seed.namespace
        return self.scene.world.registry.read(DEPLOYMENTS, namespace, self.fault.target)

    def change(self, container: Json, deployment: Json) -> None:
        """What the release changes; without more it is the image's tag."""
        name = container["image"].rpartition(":")[0]
        container["image"] = f"{name}:{self.TAG}"

    def end(self) -> None:
        """Somebody outside put out a release that works."""
        deployment = clone(self.deployment())
        self.mend(deployment["spec"]["template"]["spec"]["containers"][0])
        self.scene.world.change(DEPLOYMENTS, deployment, RELEASE)

    def mend(self, container: Json) -> None:
        """What the release that works changes."""
        name = container["image"].rpartition(":")[0]
        container["image"] = f"{name}:1.43.1"

    def of_release(self, pod: Json) -> bool:
        """Whether a pod was made of the release's template."""
        image = self.template["spec"]["containers"][0]["image"]
        return (
            pod["metadata"]["uid"] in self.scene.pods(self.fault.target)
            and pod["spec"]["containers"][0]["image"] == image
        )

    def cured(self) -> bool:
        bare = _without_stamps(self.deployment()["spec"]["template"])
        return not same_template(bare, _without_stamps(self.template))


def _without_stamps(template: Json) -> Json:
    """A template without annotations: a restart stamps it anew and changes nothing else."""
    return {**template, "metadata": {k: v for k, v in template["metadata"].items() if k != "annotations"}}


class BrokenImage(Release):
    """The release names an image that does not exist."""

    TAG = "does-not-exist"


class Crashing(Release):
    """The program of the release ends soon after its start."""

    def behaviour(self, pod: Json, behaviour: Behaviour) -> Behaviour:
        return replace(behaviour, outcome=Outcome.CRASHES) if self.of_release(pod) else behaviour

    def last_words(self, pod: Json) -> str:
        return "panic: runtime error: invalid memory address or nil pointer dereference"


class OutOfMemory(Release):
    """The release lowers the memory limit below what the program needs."""

    def change(self, container: Json, deployment: Json) -> None:
        resources = container.setdefault("resources", {})
        resources.setdefault("limits", {})["memory"] = "48Mi"
        resources.setdefault("requests", {})["memory"] = "48Mi"

    def mend(self, container: Json) -> None:
        container["resources"]["limits"]["memory"] = "512Mi"

    def behaviour(self, pod: Json, behaviour: Behaviour) -> Behaviour:
        limit = ((pod["spec"]["containers"][0].get("resources") or {}).get("limits") or {}).get("memory")
        hit = limit == "48Mi" and pod["metadata"]["uid"] in self.scene.pods(self.fault.target)
        return replace(behaviour, outcome=Outcome.OUT_OF_MEMORY, lives_seconds=8.0) if hit else behaviour


class ConfigMissing(Release):
    """The release wants a Secret that was never created."""

    NAME: ClassVar[str] = "pos-payments-v2"

    def change(self, container: Json, deployment: Json) -> None:
        container.setdefault("envFrom", []).append({"secretRef": {"name": self.NAME}})

    def mend(self, container: Json) -> None:
        container["envFrom"] = [
            e for e in container.get("envFrom", []) if e["secretRef"]["name"] != self.NAME
        ]

    def behaviour(self, pod: Json, behaviour: Behaviour) -> Behaviour:
        named = [
            e.get("secretRef", {}).get("name") for e in pod["spec"]["containers"][0].get("envFrom") or ()
        ]
        if self.NAME not in named:
            return behaviour
        return replace(behaviour, outcome=Outcome.NO_CONFIG, lacks=f'secret "{self.NAME}" not found')


class TooLarge(Release):
    """The release requests more than any node has."""

    def change(self, container: Json, deployment: Json) -> None:
        container.setdefault("resources", {}).setdefault("requests", {})["cpu"] = "64"
        container["resources"].setdefault("limits", {})["cpu"] = "64"

    def mend(self, container: Json) -> None:
        container["resources"]["requests"]["cpu"] = "250m"
        container["resources"]["limits"]["cpu"] = "1"


class NeverReady(Release):
    """The readiness probe of the release never answers."""

    def behaviour(self, pod: Json, behaviour: Behaviour) -> Behaviour:
        return replace(behaviour, outcome=Outcome.NEVER_READY) if self.of_release(pod) else behaviour


class ProbeFailing(Release):
    """The release works, but is too slow for its liveness probe: the kubelet restarts it again and again."""

    def begin(self) -> None:
        super().begin()
        self._failed: dict[str, int] = {}

    def tick(self, now: datetime) -> None:
        if now.second % PROBE_SECONDS:
            return
        for uid, pod in list(self.scene.pods(self.fault.target).items()):
            statuses = pod.get("status", {}).get("containerStatuses") or [{}]
            if not self.of_release(pod) or "running" not in statuses[0].get("state", {}):
                continue
            message = (
                'Liveness probe failed: Get "http://{}:8080/live": context deadline exceeded '
                "(Client.Timeout exceeded while awaiting headers)"
            ).format(pod["status"].get("podIP", ""))
            self.scene.world.recorder.record(
                pod, "Warning", "Unhealthy", message, source="kubelet", host=pod["spec"]["nodeName"]
            )
            self._failed[uid] = self._failed.get(uid, 0) + 1
            if self._failed[uid] >= PROBE_FAILURES:
                self._failed[uid] = 0
                self.scene.restart(pod, "Error", 137)

    def last_words(self, pod: Json) -> str:
        return "SIGTERM received, finishing what is in hand"


class NoRequests(Release):
    """The release dropped the resource requests that the autoscaler measures against."""

    def change(self, container: Json, deployment: Json) -> None:
        container["resources"] = {}

    def mend(self, container: Json) -> None:
        container["resources"] = {"requests": {"cpu": "250m", "memory": "256Mi"}}


KINDS: tuple[Kind, ...] = tuple(
    Kind(name, summary, effect, needs_target=True)
    for name, summary, effect in (
        ("broken-image", "a release names an image that does not exist", BrokenImage),
        ("crash-after-release", "a release crashes soon after its start", Crashing),
        ("out-of-memory", "a release lowers the memory limit below what is needed", OutOfMemory),
        ("config-missing", "a release wants a Secret that does not exist", ConfigMissing),
        ("too-large", "a release requests more than any node has", TooLarge),
        ("never-ready", "a release never becomes ready", NeverReady),
        ("probe-failing", "a release is too slow for its liveness probe", ProbeFailing),
        ("requests-missing", "a release drops the requests that the autoscaler needs", NoRequests),
    )
)
