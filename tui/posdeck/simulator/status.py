"""Failures as the API server words them: a Status object with a code, a reason and details."""

from __future__ import annotations

from typing import Any

from posdeck.errors import PosdeckError

Json = dict[str, Any]


class StatusError(PosdeckError):
    """A request that ends in a ``Status`` of kind Failure."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Json | None = None,
        *,
        metadata: Json | None = None,
    ) -> None:
        super().__init__(f"HTTP {code} {reason}", message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details or {}
        self.metadata = metadata or {}

    def status(self) -> Json:
        """The Status object for the body."""
        body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            body["details"] = self.details
        return body


def _qualified(plural: str, group: str) -> str:
    return f"{plural}.{group}" if group else plural


def _details(plural: str, group: str, name: str) -> Json:
    details: Json = {"name": name, "kind": plural}
    if group:
        details["group"] = group
    return details


def not_found(plural: str, group: str, name: str) -> StatusError:
    """404 for one object."""
    message = f'{_qualified(plural, group)} "{name}" not found'
    return StatusError(404, "NotFound", message, _details(plural, group, name))


def no_such_path() -> StatusError:
    """404 for a path that no resource serves."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(plural: str, group: str, name: str) -> StatusError:
    """409 on create."""
    message = f'{_qualified(plural, group)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _details(plural, group, name))


def conflict(plural: str, group: str, name: str, why: str) -> StatusError:
    """409 on a write that is based on something outdated."""
    message = f'Operation cannot be fulfilled on {_qualified(plural, group)} "{name}": {why}'
    return StatusError(409, "Conflict", message, _details(plural, group, name))


OUTDATED = "the object has been modified; please apply your changes to the latest version and try again"


def outdated(plural: str, group: str, name: str) -> StatusError:
    """409 for a resourceVersion that is no longer the newest."""
    return conflict(plural, group, name, OUTDATED)


def bad_request(message: str) -> StatusError:
    """400."""
    return StatusError(400, "BadRequest", message)


def invalid(kind: str, group: str, name: str, causes: list[tuple[str, str, str]]) -> StatusError:
    """422. ``causes`` are (field, reason, message)."""
    texts = [f"{path}: {message}" for path, _, message in causes]
    joined = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details: Json = {"name": name, "kind": kind}
    if group:
        details["group"] = group
    details["causes"] = [{"reason": r, "message": m, "field": f} for f, r, m in causes]
    return StatusError(422, "Invalid", f'{_qualified(kind, group)} "{name}" is invalid: {joined}', details)


def forbidden(user: str, verb: str, *, plural: str, group: str, name: str, namespace: str) -> StatusError:
    """403 as RBAC words it."""
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    resource = plural.partition("/")[0]
    what = f'{_qualified(resource, group)} "{name}"' if name else _qualified(resource, group)
    message = (
        f'{what} is forbidden: User "{user}" cannot {verb} resource "{plural}" in API group "{group}" {where}'
    )
    return StatusError(403, "Forbidden", message, _details(resource, group, name))


def unauthorized() -> StatusError:
    """401."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def gone(asked: int, oldest: int) -> StatusError:
    """410 for a version that was compacted away."""
    return StatusError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def method_not_allowed() -> StatusError:
    """405."""
    return StatusError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
    )


def unsupported_media(accepted: str) -> StatusError:
    """415."""
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return StatusError(415, "UnsupportedMediaType", message)


def success(details: Json | None = None) -> Json:
    """The Status that answers a delete."""
    body: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details:
        body["details"] = details
    return body
