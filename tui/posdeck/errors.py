"""Every error a person can meet names the object, the cause and what to do next."""

from __future__ import annotations

from pathlib import Path


class PosdeckError(Exception):
    """The root. ``subject`` names the object, ``cause`` what happened, ``remedy`` what to do next."""

    exit_code = 5

    def __init__(self, subject: str, cause: str, remedy: str = "") -> None:
        super().__init__(subject, cause, remedy)
        self.subject = subject
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.subject}: {self.cause}"
        return f"{text}. {self.remedy}" if self.remedy else text


class ConfigurationError(PosdeckError):
    """The configuration file, an option or an environment variable cannot be used."""


class ContentError(PosdeckError):
    """An inventory, runbook or playbook file is wrong; ``path`` and ``line`` say where (line from 1, 0 unknown)."""

    def __init__(self, path: Path, line: int, cause: str, remedy: str = "") -> None:
        super().__init__(f"{path}:{line}" if line else str(path), cause, remedy)
        self.path = path
        self.line = line


class UnknownNameError(PosdeckError):
    """A name given by a person matches no object, or is a pattern where an exact name is asked for."""


class ClusterError(PosdeckError):
    """The API server was asked and could not answer as wanted."""


class UnreachableError(ClusterError):
    """No answer: refused, timed out, TLS failed, name unknown."""


class AuthExpiredError(ClusterError):
    """401: the credentials are missing, expired, or their plugin failed."""


class ForbiddenError(ClusterError):
    """403: the identity lacks a permission; ``cause`` names the verb and the resource."""


class NotFoundError(ClusterError):
    """404: the object or the API does not exist."""


class ConflictError(ClusterError):
    """409: the object changed since it was read."""


class InvalidError(ClusterError):
    """400 or 422: the API server does not accept the request."""


class ResourceVersionExpiredError(ClusterError):
    """410: the version to watch from is gone; list again."""


class ThrottledError(ClusterError):
    """429: the API server asks to wait ``retry_after`` seconds."""

    def __init__(self, subject: str, cause: str, remedy: str = "", *, retry_after: float = 1.0) -> None:
        super().__init__(subject, cause, remedy)
        self.retry_after = retry_after


class RefusedError(PosdeckError):
    """The gate refused a write. ``rule`` is the rule's id, ``kubectl`` the command that it stood for."""

    exit_code = 3

    def __init__(self, rule: str, subject: str, cause: str, remedy: str, *, kubectl: str = "") -> None:
        super().__init__(subject, cause, remedy)
        self.rule = rule
        self.kubectl = kubectl

    def __str__(self) -> str:
        text = f"refused by rule {self.rule}: {super().__str__()}"
        return f"{text} The command it stood for: {self.kubectl}" if self.kubectl else text


class ExecutionError(PosdeckError):
    """A playbook could not be started, or ended without saying how."""


class AuditError(PosdeckError):
    """The record cannot be read or written; while that lasts, nothing is changed."""


class ChainBrokenError(AuditError):
    """The audit chain does not verify; ``sequence`` is the first record that does not fit."""

    def __init__(self, subject: str, cause: str, remedy: str = "", *, sequence: int = 0) -> None:
        super().__init__(subject, cause, remedy)
        self.sequence = sequence
