"""An image that cannot be pulled: the name, the registry, or the secret for it."""

from __future__ import annotations

from functools import lru_cache, partial

from posdeck.cluster.snapshot import Container, Pod
from posdeck.findings.rule import PodRule
from posdeck.findings.signs import Evidence, Sign, condition, waiting

REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RegistryUnavailable",
        "ImageInspectError",
        "SignatureValidationFailed",
    }
)
_NOT_FOUND = ("not found", "manifest unknown", "does not exist", "name unknown")
_NOT_REACHED = ("timeout", "connection refused", "no such host", "dial tcp")
_REFUSED = ("unauthorized", "denied", "forbidden", "401", "403")


def sign(pod: Pod) -> Sign | None:
    """A container that waits for its image."""
    for container in pod.containers:
        if container.state == "waiting" and container.reason in REASONS:
            return _sign(pod, container)
    return None


def _sign(pod: Pod, container: Container) -> Sign:
    ready = condition(pod, "ContainersReady") or condition(pod, "Ready")
    likely, cause = _why(container.reason, container.message, container.image)
    return Sign(
        what=f"image cannot be pulled ({container.reason}): {container.image or '(no name)'}",
        since=(ready[3] if ready else None) or pod.created,
        evidence=partial(_evidence, container),
        likely=likely,
        cause=cause,
    )


@lru_cache(maxsize=1024)
def _why(reason: str, message: str, image: str) -> tuple[str, tuple[str, str]]:
    """What is likely, and what pods that fail for the same have in common."""
    said = message.lower()
    if reason == "InvalidImageName":
        return "the image's name is malformed in the pod template", ("image", image)
    if any(words in said for words in _NOT_FOUND):
        return "this tag was never pushed, or the name is mistyped: the last release", ("image", image)
    if any(words in said for words in _REFUSED):
        return "the registry refuses the pull secret", ("registry", registry(image))
    if any(words in said for words in _NOT_REACHED):
        return "the registry cannot be reached", ("registry", registry(image))
    return "the image cannot be fetched from its registry", ("image", image)


def _evidence(container: Container) -> Evidence:
    return (*waiting(container), (f"containers[{container.name}].image", container.image))


def registry(image: str) -> str:
    """The registry's host in an image's name; that of Docker Hub where none is named."""
    first = image.partition("/")[0]
    return first if "/" in image and ("." in first or ":" in first or first == "localhost") else "docker.io"


RULE = PodRule("pod-image-missing", sign, phases=frozenset(), reasons=REASONS)
