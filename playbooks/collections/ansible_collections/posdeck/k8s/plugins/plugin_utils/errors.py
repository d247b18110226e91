"""What can go wrong between a task and the API server, told so that an engineer knows what to do next."""

from __future__ import annotations

import json

_HINTS = {
    401: "the credentials are missing, expired or not accepted; log in again, then retry",
    403: "the identity of the kubeconfig lacks this permission",
    404: "it does not exist, or its API is not installed",
    409: "it was changed by someone else in the meantime",
    410: "the version asked for is too old; list again",
    422: "the API server does not accept the content",
    429: "the API server asks to slow down; retry later",
}


class KubeError(Exception):
    """The API server said no, or said nothing.

    ``status`` is the HTTP status, 0 when no answer came; ``reason`` is Kubernetes' own word; ``unknown`` is
    set when a write may have been carried out although no answer came.
    """

    def __init__(
        self, what: str, cause: str, *, status: int = 0, reason: str = "", unknown: bool = False
    ) -> None:
        super().__init__(f"{what}: {cause}")
        self.status = status
        self.reason = reason
        self.unknown = unknown
        self.retry_after = 1.0


class UsageError(KubeError):
    """The task, the kubeconfig or the way of calling is wrong; nothing was sent."""


class NotServedError(UsageError):
    """The cluster does not serve the API or the kind that was asked for."""


def answer_error(what: str, status: int, body: bytes) -> KubeError:
    """The error that an answer of 400 and above amounts to; quota, webhooks and preconditions are named."""
    message, reason = "", ""
    try:
        parsed = json.loads(body)
        message, reason = str(parsed.get("message") or ""), str(parsed.get("reason") or "")
    except (ValueError, AttributeError):
        message = body[:300].decode("utf-8", "replace").strip()
    hint = _HINTS.get(status, "the API server failed" if status >= 500 else "the API server refused")
    if status == 403 and "exceeded quota" in message:
        hint, reason = "the namespace's quota is used up", "ExceededQuota"
    elif "admission webhook" in message:
        hint = "an admission webhook refused it"
    return KubeError(what, f"{hint} (HTTP {status}: {message or 'no message'})", status=status, reason=reason)
