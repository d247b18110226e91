"""Wait until a deployment's rollout is complete, by the rules of ``kubectl rollout status``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.action import CONTEXT_ARGUMENT, KubernetesAction
from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import object_path, rollout_status, shown


class ActionModule(KubernetesAction):
    """posdeck.k8s.rollout_wait"""

    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        **CONTEXT_ARGUMENT,
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
        "wait_timeout": {"type": "float", "default": 300.0},
        "wait_sleep": {"type": "float", "default": 0.5},
    }

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Look until it is done, has failed, or the time is up; in check mode, and for a time of 0, look
        once."""
        client = self.connect(args)
        namespace = self.namespace(args)
        path = object_path("Deployment", namespace, args["name"])
        deadline = time.monotonic() + (0.0 if self.checking else args["wait_timeout"])
        begun = time.monotonic()
        with self._lock(client, namespace, args, task_vars) as renew:
            while True:
                deployment = client.get(path)
                status = rollout_status(deployment)
                if status["done"] or status["failed"] or time.monotonic() >= deadline:
                    break
                time.sleep(args["wait_sleep"])
                renew()
        result: dict[str, Any] = {
            "changed": False,
            "rollout": status,
            "result": shown(deployment),
            "duration": round(time.monotonic() - begun, 1),
            "msg": status["message"],
        }
        looked_only = self.checking or args["wait_timeout"] <= 0
        if not status["done"] and not looked_only:
            result["failed"] = True
            waited = "" if status["failed"] else f" after {args['wait_timeout']:g} s"
            result["msg"] = (
                f"deployment/{args['name']}: the rollout is not complete{waited}: {status['message']}"
            )
        return result

    @contextmanager
    def _lock(
        self, client: Client, namespace: str, args: dict[str, Any], task_vars: dict[str, Any]
    ) -> Iterator[Callable[[], None]]:
        """Hold the lock of an act of this very run, where posdeck does not hold it itself."""
        if self.checking or args["wait_timeout"] <= 0 or task_vars.get("posdeck_run"):
            yield lambda: None
            return
        try:
            from posdeck.operations import playbook_wait
        except ImportError:  # then nothing was written through posdeck's gate either
            yield lambda: None
            return
        held = playbook_wait.hold_on(namespace, args["name"], client.exchange)
        try:
            yield lambda: self._warn(held.renew())
        finally:
            self._warn(held.give_back())

    def _warn(self, said: str) -> None:
        if said:
            self._display.warning(said)
