"""The way every write takes: an explicit target, posdeck's gate, a precondition in the request, an outcome.

In check mode the request is a server-side dry run: nothing is authorised, recorded or changed.
"""

from __future__ import annotations

import contextlib
import os
import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ansible import context

from .action import KubernetesAction, fail
from .client import APPLY, JSON, JSON_PATCH, MERGE, STRATEGIC, Client
from .differences import differ, difference
from .errors import KubeError, UsageError
from .objects import object_path, shown

_ATTEMPTS = 5
_OWN_RUN = "POSDECK_RUN_ID"  # in the environment of a run that posdeck started
_MANAGER = "posdeck"
_WHOLE_SPEC = ("patch", "apply", "delete")  # acts that hold for the whole specification that was seen
_CONFIRMATION = (
    "confirm",
    "reason",
    "ticket",
    "posdeck_run",
    "break_glass",
    "informed",
    "ansible_play_batch",
)


@dataclass(frozen=True)
class Change:
    """What to send. ``body`` carries no precondition yet; ``subresource`` as in ``scale``."""

    method: str
    body: Any
    content_type: str
    subresource: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Permit(Protocol):
    """What the gate hands out."""

    resource_version: str
    expected: Any


@dataclass(frozen=True)
class Site:
    """Where a change goes: the client, the object, its path, and as what it was first read (None: not there)."""

    client: Client
    path: str
    kind: str
    namespace: str
    name: str
    before: dict[str, Any] | None

    @property
    def subject(self) -> str:
        """The object, as messages name it."""
        return f"{self.kind.lower()}/{self.name}"


class WritingAction(KubernetesAction):
    """A write on one object: declare ``ACT`` and ``KIND``, implement ``plan``.

    ``MISSING`` says what a missing object is: an error, one to be created, or (for a deletion) done.
    """

    ACT = ""
    KIND = "Deployment"
    MISSING = "an error"  # or "created", or "done"

    @abstractmethod
    def plan(self, args: dict[str, Any], client: Client, target: dict[str, Any]) -> Change | None:
        """The change that brings ``target`` to what ``args`` ask for; None when it is there already.
        ``target`` is empty for an object that is to be created."""

    def kind(self, args: dict[str, Any]) -> str:
        """The kind of the object that is written."""
        return self.KIND

    def object_name(self, args: dict[str, Any]) -> str:
        """The name of the object that is written."""
        return str(args["name"])

    def prepare(self, args: dict[str, Any], site: Site) -> None:
        """What has to be done before the gate is asked."""

    def finish(self, args: dict[str, Any], site: Site) -> None:
        """What is still to be waited for after the write, whose outcome is in the record by then."""

    def wait_until_gone(self, args: dict[str, Any], site: Site) -> None:
        """Wait for the end of a deleted object, by ``wait_timeout`` and ``wait_sleep`` in seconds."""
        deadline = time.monotonic() + args["wait_timeout"]
        while (now := self._read(site.client, site.path)) is not None:
            if now["metadata"]["uid"] != (site.before or now)["metadata"]["uid"]:
                return
            if time.monotonic() >= deadline:
                raise KubeError(
                    site.subject,
                    f"its deletion was accepted, and it is still there after {args['wait_timeout']:g} s "
                    "(grace period, finalizers, or a node that does not answer)",
                )
            time.sleep(args["wait_sleep"])

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Plan, then either try it on the server (check mode) or pass the gate and do it."""
        self._insist_on_limit()
        client = self.connect(args)
        kind, namespace, name = self.kind(args), self.namespace(args), self.object_name(args)
        path = object_path(kind, namespace, name)
        before = self._read(client, path)
        site = Site(client, path, kind, namespace, name, before)
        if before is None and self.MISSING == "done":
            return {"changed": False, "result": None, "msg": f"{site.subject} does not exist"}
        change = self.plan(args, client, before or {})
        if change is None:
            return {"changed": False, "result": shown(before or {}), "msg": "nothing to change"}
        if self.checking:
            after = _after(_send(client, path, change, before, dry_run=True), change)
            foreseen = before is not None and change.subresource
            return self._result(site, _foreseen(before or {}, change) if foreseen else after, change)
        self.prepare(args, site)
        result = self._write(args, task_vars, site, change)
        self.finish(args, site)
        return result

    def _read(self, client: Client, path: str) -> dict[str, Any] | None:
        try:
            return client.get(path)
        except KubeError as error:
            if error.status != 404 or self.MISSING == "an error":
                raise
            return None

    def _write(
        self, args: dict[str, Any], task_vars: dict[str, Any], site: Site, change: Change
    ) -> dict[str, Any]:
        """Pass the gate, write, and leave an outcome whatever happens."""
        gate, refused = _gate()
        variables = self._variables(task_vars)
        try:
            permit = gate.authorise(
                act=self.ACT,
                kind=site.kind,
                namespace=site.namespace,
                name=site.name,
                host_vars={**variables, "playbook_file": _playbook()},
                kubeconfig=args.get("kubeconfig"),
                confirm=variables.get("confirm"),
                reason=variables.get("reason"),
                ticket=variables.get("ticket"),
                check=False,
                run=variables.get("posdeck_run"),
                read=site.client.exchange,
                parameters=dict(change.parameters),
            )
        except refused as error:
            raise fail(str(error)) from error
        result, message, after = "unknown", "the plugin was interrupted while it wrote", None
        try:
            after = self._send_with_precondition(site, change, permit)
            result, message = "succeeded", ""
        except KubeError as error:
            result, message = ("unknown" if error.unknown else "failed"), str(error)
            raise
        finally:
            warning = gate.settle(permit, result, after, message)
            if warning:
                self._display.warning(str(warning))
        return self._result(site, after, change)

    def _send_with_precondition(self, site: Site, change: Change, permit: Permit) -> dict[str, Any] | None:
        """Send the change for exactly the object that the gate has seen.

        Where only something else about it moved meanwhile (its status, its replicas under an autoscaler),
        it is read again, held against the plan, and the change is sent for that version.
        """
        if site.before is None:
            return self._create(site, change, permit)
        self._hold_against_plan(permit, site, site.before)
        version = permit.resource_version
        target = {**site.before, "metadata": {**site.before["metadata"], "resourceVersion": version}}
        for attempt in range(_ATTEMPTS):
            try:
                answer = _send(site.client, site.path, change, target)
            except KubeError as error:
                if error.status not in (409, 422) or attempt + 1 == _ATTEMPTS:
                    raise
                target = site.client.get(site.path)
                if target["metadata"].get("resourceVersion") == version:
                    raise  # it did not move, so this is not what the server objects to
                version = target["metadata"]["resourceVersion"]
                self._hold_against_plan(permit, site, target)
                continue
            return site.client.get(site.path) if change.subresource else _after(answer, change)
        raise UsageError(site.path, "no attempt was made")

    def _create(self, site: Site, change: Change, permit: Permit) -> dict[str, Any] | None:
        """Create the object. One that appeared meanwhile has no precondition to fail, so it is looked for; after
        that the server still refuses to take a field from whoever made it."""
        if permit.expected.uid:
            raise KubeError(
                site.subject, "it was created by someone else meanwhile; nothing was changed", status=409
            )
        return _after(_send(site.client, site.path, change, None), change)

    def _hold_against_plan(self, permit: Permit, site: Site, now: dict[str, Any]) -> None:
        from posdeck.kubetext.templates import template_digest

        name, before = site.subject, site.before or {}
        if now["metadata"].get("uid") != permit.expected.uid:
            raise KubeError(
                name, "it was replaced by another object meanwhile; nothing was changed", status=409
            )
        digest = template_digest((now.get("spec") or {}).get("template"))
        if permit.expected.template_hash and digest != permit.expected.template_hash:
            raise KubeError(name, "its pod template was changed meanwhile; nothing was changed", status=409)
        if self.ACT == "scale" and now["spec"].get("replicas") != before["spec"].get("replicas"):
            raise KubeError(name, "its replicas were changed meanwhile; nothing was changed", status=409)
        if self.ACT in _WHOLE_SPEC and now.get("spec") != before.get("spec"):
            raise KubeError(name, "its specification was changed meanwhile; nothing was changed", status=409)

    def _result(self, site: Site, after: dict[str, Any] | None, change: Change) -> dict[str, Any]:
        """``write`` and ``before`` are what posdeck makes its preview and its record from; None for an object
        that was not there, or is not there any more."""
        before = site.before
        write = {
            "act": self.ACT,
            "kind": site.kind,
            "namespace": site.namespace,
            "name": site.name,
            "parameters": dict(change.parameters),
        }
        result: dict[str, Any] = {
            "changed": differ(before, after),
            "result": None if after is None else shown(after),
            "before": None if before is None else shown(before),
            "write": write,
        }
        if result["changed"] and self._task.diff:
            result["diff"] = difference(before, after, site.subject)
        return result

    def _variables(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """The variables that the gate looks at, rendered."""
        wanted = (*_CONFIRMATION, "inventory_hostname", "inventory_dir", "playbook_dir", "deployment")
        return {name: self._templar.template(task_vars[name]) for name in wanted if name in task_vars}

    def _insist_on_limit(self) -> None:
        limit = context.CLIARGS.get("subset")
        if not limit:
            raise fail("refused by rule explicit-target: name the hosts to change, as in -l consumer-order")
        if any(mark in str(limit) for mark in "*?[]~!&@") or str(limit) in ("all", "ungrouped"):
            raise fail(f"refused by rule explicit-target: {limit!r} is a pattern; name the hosts to change")


def _send(
    client: Client, path: str, change: Change, target: dict[str, Any] | None, *, dry_run: bool = False
) -> dict[str, Any]:
    where = f"{path}/{change.subresource}" if change.subresource else path
    body = change.body if target is None else bound(change, target)
    query: dict[str, Any] = {"fieldManager": _MANAGER, "dryRun": "All" if dry_run else None}
    if change.method == "DELETE":
        # the server reads a deletion's options from its body, and where there is one it ignores the query:
        # a dry run that is asked for there would delete
        query = {}
        body = {**body, "dryRun": ["All"]} if dry_run else body
    return client.write(change.method, where, body, change.content_type, query)


def _after(answer: dict[str, Any], change: Change) -> dict[str, Any] | None:
    """The object after a change: a deleted one is gone, whatever the server says while it ends."""
    return None if change.method == "DELETE" else answer


def bound(change: Change, target: Mapping[str, Any]) -> Any:
    """The body of a change with the precondition that it is for this object in this version."""
    metadata = target["metadata"]
    same = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    if change.method == "DELETE" and change.content_type == JSON:
        return {**change.body, "preconditions": same}
    if change.content_type in (MERGE, STRATEGIC, APPLY):
        return {**change.body, "metadata": {**(change.body.get("metadata") or {}), **same}}
    if change.content_type == JSON_PATCH:
        tests = [{"op": "test", "path": f"/metadata/{key}", "value": value} for key, value in same.items()]
        return [*tests, *change.body]
    raise UsageError(change.content_type, "a change of this type carries no precondition")


def _foreseen(before: dict[str, Any], change: Change) -> dict[str, Any]:
    """A deployment after a change of its scale: the dry run of a subresource answers with a Scale."""
    return {**before, "spec": {**before["spec"], **change.body["spec"]}}


def _playbook() -> str:
    named = context.CLIARGS.get("args") or ("",)
    return str(named[0])


def _load_beforehand() -> None:
    """Ansible imports an action once before it forks a process for each task. What every task would import and read
    is had here, unless only a check is made; whatever is wrong with it is told by the task."""
    if context.CLIARGS.get("check"):
        return
    with contextlib.suppress(Exception):
        gate, _ = _gate()
        if _OWN_RUN not in os.environ:  # a run that posdeck started has its intents, and needs no more
            for source in context.CLIARGS.get("inventory") or ():
                gate.catalogue_of(Path(source))


def _gate() -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        from posdeck.errors import PosdeckError
        from posdeck.operations import playbook_gate
    except ImportError as error:
        raise fail(
            f"refused by rule record: posdeck cannot be imported by Ansible's Python ({error}), and there is "
            "no write without its record; use the ansible-playbook that is installed with posdeck"
        ) from error
    return playbook_gate, (PosdeckError,)


_load_beforehand()
