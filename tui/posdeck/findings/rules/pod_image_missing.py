"""An image that cannot be pulled: the name, the registry, or the secret for it."""

from __future__ import annotations

from posdeck.cluster.snapshot import Container, Pod
from posdeck.findings.rule import PodRule
from posdeck.findings.signs import Sign, condition
from posdeck.findings.wording import quoted

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
_REFUSED = ("unauthorized", "denied", "forbidden", "401", "403")


def sign(pod: Pod) -> Sign | None:
    """A container that waits for its image."""
    for container in pod.containers:
        if container.state == "waiting" and container.reason in REASONS:
            return _sign(pod, container)
    return None


def _sign(pod: Pod, container: Container) -> Sign:
    ready = condition(pod, "ContainersReady") or condition(pod, "Ready")
    said = container.message.lower()
    likely, cause = "the image cannot be fetched from its registry", ("image", container.image)
    if container.reason == "InvalidImageName":
        likely = "the image's name is malformed in the pod template"
    elif any(words in said for words in _NOT_FOUND):
        likely = "this tag was never pushed, or the name is mistyped: the last release"
    elif any(words in said for words in _REFUSED):
        likely, cause = "the registry refuses the pull secret", ("registry", registry(container.image))
    elif any(words in said for words in ("timeout", "connection refused", "no such host", "dial tcp")):
        likely, cause = "the registry cannot be reached", ("registry", registry(container.image))
    return Sign(
        what=f"image {container.image or '(no name)'} cannot be pulled ({container.reason})",
        since=(ready[3] if ready else None) or pod.created,
        evidence=(
            (f"containers[{container.name}].state.waiting.reason", container.reason),
            (f"containers[{container.name}].state.waiting.message", quoted(container.message) or "(none)"),
            (f"containers[{container.name}].image", container.image),
        ),
        likely=likely,
        cause=cause,
    )


def registry(image: str) -> str:
    """The registry's host in an image's name; that of Docker Hub where none is named."""
    first = image.partition("/")[0]
    return first if "/" in image and ("." in first or ":" in first or first == "localhost") else "docker.io"


RULE = PodRule("pod-image-missing", sign)
