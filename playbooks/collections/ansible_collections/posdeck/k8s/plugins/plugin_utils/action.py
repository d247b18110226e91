"""What every action of this collection shares. Actions run in Ansible's own process: no module is sent to a
fresh interpreter, which is what makes a task cost 50 ms instead of a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from .client import Client
from .errors import KubeError, UsageError
from .kubeconfig import Access, load_access

CONNECTION_ARGUMENTS: dict[str, dict[str, Any]] = {
    "kubeconfig": {"type": "path"},
    "request_timeout": {"type": "float", "default": 15.0},
}
CONTEXT_ARGUMENT: dict[str, dict[str, Any]] = {"context": {"type": "str"}}


class KubernetesAction(ActionBase):
    """One action: declare ``ARGUMENTS``, implement ``act``. An error of the API becomes a failed task that
    says what, why and what to do, with ``status`` and ``reason`` beside the message."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True
    _requires_connection = False

    ARGUMENTS: ClassVar[dict[str, dict[str, Any]]] = {}
    EXTRA: ClassVar[dict[str, Any]] = {}

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Do it; returns the task's result."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry."""
        result = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            argument_spec={**CONNECTION_ARGUMENTS, **self.ARGUMENTS}, **self.EXTRA
        )
        self.client: Client | None = None
        try:
            result.update(self.act(_plain(args), task_vars or {}))
        except KubeError as error:
            result.update(failed=True, msg=str(error), status=error.status, reason=error.reason)
        finally:
            if self.client is not None:
                self.client.close()
        return result

    def connect(self, args: dict[str, Any]) -> Client:
        """The client of this task."""
        self.access: Access = load_access(args.get("kubeconfig"), args.get("context"))
        self.client = Client(self.access, timeout=args["request_timeout"], cache=Path(C.DEFAULT_LOCAL_TMP))
        return self.client

    def namespace(self, args: dict[str, Any]) -> str:
        """The namespace given, else that of the context. There is no silent ``default``."""
        name = args.get("namespace") or self.access.namespace
        if not name:
            raise UsageError("namespace", "neither the task nor the context names one")
        return str(name)

    @property
    def checking(self) -> bool:
        """Whether this is check mode."""
        return bool(self._task.check_mode)


def _plain(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments without the marks that Ansible puts on values (where they come from, whether they are trusted):
    marked values are neither dumped as YAML nor equal in type to what the API answers."""
    plain: dict[str, Any] = json.loads(json.dumps(args))
    return plain


def fail(message: str) -> AnsibleActionFail:
    """A failure of the task that concerns the playbook, not the API."""
    return AnsibleActionFail(message)
