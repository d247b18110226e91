"""The meaning of the verbs: what create, update, patch and delete do to an object, for clients and controllers.

Everything runs without awaiting, so a request is atomic. Objects handed out belong to the store.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from posdeck.clock import Clock
from posdeck.simulator import defaults, ownership, validation
from posdeck.simulator.jsontree import clone, dig, without_nulls
from posdeck.simulator.patches import json_patch, merge_patch, strategic_merge
from posdeck.simulator.resources import NAMESPACES, PODS, Resource
from posdeck.simulator.status import StatusError, already_exists, bad_request, conflict, not_found, outdated
from posdeck.simulator.store import Store

Json = dict[str, Any]

NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def timestamp(clock: Clock) -> str:
    """Now as ``metav1.Time`` writes it."""
    return clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Write:
    """How a write is meant: who does it, to which part of the object ("" is the main one), whether it is only a
    rehearsal, whether apply takes others' fields."""

    manager: str = "unknown"
    dry_run: bool = False
    force: bool = False
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch's body; ``kind`` is json, merge, strategic or apply."""

    kind: str
    body: Any


_ANYONE = Write()


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """A delete's options; ``grace`` None is the kind's own, ``propagation`` Background, Foreground or Orphan."""

    grace: int | None = None
    propagation: str = "Background"
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


class Registry:
    """Verbs on the store."""

    def __init__(self, store: Store, clock: Clock, rng: random.Random) -> None:
        self.store = store
        self._clock = clock
        self._rng = rng
        self.admission: list[Callable[[Resource, Json], None]] = []  # each may refuse a new object

    def read(self, resource: Resource, namespace: str, name: str) -> Json:
        """The object. Raises 404."""
        obj = self.store.get(resource.key, namespace, name)
        if obj is None:
            raise not_found(resource.plural, resource.group, name)
        return obj

    def create(self, resource: Resource, namespace: str, body: Json, write: Write = _ANYONE) -> Json:
        """Create. Raises 400, 404 (namespace), 409, 422."""
        validation.shape(resource, body)
        obj = without_nulls(body)
        obj["kind"], obj["apiVersion"] = resource.kind, resource.api_version
        meta = obj.setdefault("metadata", {})
        self._place(resource, namespace, meta)
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = self.generate_name(meta["generateName"])
        validation.on_create(resource, obj)
        for admit in self.admission:
            admit(resource, obj)
        if self.store.get(resource.key, namespace, meta["name"]) is not None:
            raise already_exists(resource.plural, resource.group, meta["name"])
        self._stamp(resource, obj)
        defaults.fill(resource.key, obj, self.store)
        ownership.record_update(None, obj, manager=write.manager, subresource="", now=timestamp(self._clock))
        return obj if write.dry_run else self.store.put(resource.key, obj)

    def generate_name(self, prefix: str) -> str:
        """``prefix``, cut to 58 characters, and five random ones, as the API server does it."""
        return prefix[:58] + "".join(self._rng.choice(NAME_ALPHABET) for _ in range(5))

    def new_uid(self) -> str:
        """A UID that the seed of chance decides."""
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def update(self, resource: Resource, namespace: str, body: Json, write: Write = _ANYONE) -> Json:
        """Replace. Raises 400, 404, 409 (other resourceVersion or UID), 422."""
        validation.shape(resource, body)
        name = (body.get("metadata") or {}).get("name", "")
        old = self.read(resource, namespace, name)
        new = without_nulls(body)
        new["kind"], new["apiVersion"] = resource.kind, resource.api_version
        version = new["metadata"].get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            raise outdated(resource.plural, resource.group, name)
        if (uid := new["metadata"].get("uid")) and uid != old["metadata"]["uid"]:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
            raise conflict(resource.plural, resource.group, name, why)
        return self._commit(resource, old, new, write)

    def patch(
        self, resource: Resource, namespace: str, name: str, patch: Patch, write: Write = _ANYONE
    ) -> Json:
        """Patch. Raises as update does; apply also 409 for fields that others own."""
        kind, body = patch.kind, patch.body
        if kind == "apply":
            return self._apply(resource, namespace, name, body, write)
        old = self.read(resource, namespace, name)
        if kind == "json":
            new = json_patch(old, body)
        elif not isinstance(body, dict):
            raise bad_request("the body of a patch is an object")
        else:
            new = merge_patch(old, body) if kind == "merge" else strategic_merge(old, body)
        if not isinstance(new, dict):
            raise bad_request("the patched object is no object")
        return self.update(resource, namespace, new, write)

    def _apply(self, resource: Resource, namespace: str, name: str, body: Any, write: Write) -> Json:
        validation.shape(resource, body)
        if not write.manager:
            raise StatusError(
                422,
                "Invalid",
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: '
                "is required for apply patch",
            )
        if (body.get("metadata") or {}).get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        config = without_nulls(body)
        config.setdefault("metadata", {}).setdefault("name", name)
        if resource.namespaced:
            config["metadata"].setdefault("namespace", namespace)
        old = self.store.get(resource.key, namespace, name)
        if old is None and write.subresource:
            raise not_found(resource.plural, resource.group, name)
        if old is None and (uid := config["metadata"].get("uid")):
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise conflict(resource.plural, resource.group, name, why)
        version = config["metadata"].get("resourceVersion")
        if old is not None and version and version != old["metadata"]["resourceVersion"]:
            raise outdated(resource.plural, resource.group, name)
        owner = ownership.Owner(write.manager, "Apply", write.subresource)
        new: Json = clone(ownership.apply(old, config, owner, force=write.force, now=timestamp(self._clock)))
        entries = new["metadata"].get("managedFields")
        if old is not None:
            return self._commit(resource, old, new, write, managed=entries)
        self._place(resource, namespace, new["metadata"])
        validation.on_create(resource, new)
        self._stamp(resource, new)
        defaults.fill(resource.key, new, self.store)
        new["metadata"]["managedFields"] = entries
        return new if write.dry_run else self.store.put(resource.key, new)

    def _place(self, resource: Resource, namespace: str, meta: Json) -> None:
        """Check and set the namespace of a new object."""
        if not resource.namespaced:
            meta.pop("namespace", None)
            return
        if meta.get("namespace", namespace) != namespace:
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        meta["namespace"] = namespace
        owner = self.store.get(NAMESPACES.key, "", namespace)
        if owner is None:
            raise not_found("namespaces", "", namespace)
        if owner["metadata"].get("deletionTimestamp"):
            raise StatusError(
                403,
                "Forbidden",
                f'{resource.plural} "{meta.get("name", "")}" is forbidden: unable to '
                f"create new content in namespace {namespace} because it is being terminated",
                {"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]},
            )

    def _stamp(self, resource: Resource, obj: Json) -> None:
        meta = obj["metadata"]
        for field in ("resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"):
            meta.pop(field, None)
        meta["uid"] = self.new_uid()
        meta["creationTimestamp"] = timestamp(self._clock)
        if resource.generation:
            meta["generation"] = 1
        if resource.status and resource is not NAMESPACES:
            obj["status"] = {}
            if resource is PODS:
                obj.setdefault("spec", {})

    def _commit(
        self,
        resource: Resource,
        old: Json,
        new: Json,
        write: Write,
        *,
        managed: list[Json] | None = None,
    ) -> Json:
        """Store ``new`` over ``old`` with what the server itself decides; a write that changes nothing is none."""
        new = self._server_fields(resource, old, new, write)
        meta, was = new["metadata"], old["metadata"]
        if write.subresource != "status":
            validation.on_update(resource, old, new)
            defaults.fill(resource.key, new, self.store)
        if resource.generation and new.get("spec") != old.get("spec"):
            meta["generation"] = was.get("generation", 0) + 1
        if managed is None:
            now = timestamp(self._clock)
            ownership.record_update(old, new, manager=write.manager, subresource=write.subresource, now=now)
        else:
            meta["managedFields"] = managed
        meta["resourceVersion"] = was["resourceVersion"]
        if _same(new, old):
            return old
        if write.dry_run:
            return new
        if meta.get("deletionTimestamp") and not meta.get("finalizers") and not self._graceful(resource, new):
            return self._gone(resource, new)
        return self.store.put(resource.key, new)

    @staticmethod
    def _server_fields(resource: Resource, old: Json, new: Json, write: Write) -> Json:
        """``new`` with the parts that this write may not touch as they were."""
        was = old["metadata"]
        if write.subresource == "status":
            owners = new["metadata"].get("managedFields", was.get("managedFields"))
            new = {**old, "status": new.get("status", {}), "metadata": {**was, "managedFields": owners}}
        elif resource.status:
            new["status"] = old.get("status", {})
        meta = new["metadata"]
        meta.setdefault("uid", was["uid"])
        for field in ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
            if field in was:
                meta[field] = was[field]
            else:
                meta.pop(field, None)
        if resource.namespaced:
            meta.setdefault("namespace", was.get("namespace"))
        return new

    def delete(
        self, resource: Resource, namespace: str, name: str, options: DeleteOptions
    ) -> tuple[Json, bool]:
        """Delete; answers (object, whether it has gone). Raises 404, 409 for a precondition."""
        obj = self.read(resource, namespace, name)
        meta = obj["metadata"]
        for field, wanted, have in (
            ("UID", options.uid, meta["uid"]),
            ("ResourceVersion", options.resource_version, meta["resourceVersion"]),
        ):
            if wanted and wanted != have:
                why = (
                    f"Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {have}"
                )
                raise conflict(resource.plural, resource.group, name, why)
        grace = self._grace(resource, obj, options)
        finalizers = list(meta.get("finalizers") or [])
        extra = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(options.propagation)
        if extra and extra not in finalizers and (extra == "orphan" or self.store.owned(meta["uid"])):
            finalizers.append(extra)
        if options.dry_run:
            return obj, not finalizers and grace == 0
        if not finalizers and grace == 0:
            return self._gone(resource, obj), True
        if meta.get("deletionTimestamp") and grace >= meta.get("deletionGracePeriodSeconds", 0):
            return obj, False
        marked = clone(obj)
        marked["metadata"]["deletionTimestamp"] = self._after(grace)
        if resource is NAMESPACES:
            marked["status"] = {**marked.get("status", {}), "phase": "Terminating"}
        else:
            marked["metadata"]["deletionGracePeriodSeconds"] = grace
        if finalizers:
            marked["metadata"]["finalizers"] = finalizers
        if resource.generation:
            marked["metadata"]["generation"] = meta.get("generation", 0) + 1
        return self.store.put(resource.key, marked), False

    def finish(self, resource: Resource, namespace: str, name: str) -> None:
        """Take away a pod whose containers have ended, unless a finalizer holds it."""
        obj = self.store.get(resource.key, namespace, name)
        if obj is None:
            return
        if obj["metadata"].get("finalizers"):
            held = clone(obj)
            held["metadata"]["deletionGracePeriodSeconds"] = 0
            if held != obj:
                self.store.put(resource.key, held)
            return
        self._gone(resource, obj)

    def _graceful(self, resource: Resource, obj: Json) -> bool:
        return (
            resource is PODS
            and bool(obj["metadata"].get("deletionGracePeriodSeconds"))
            and bool(obj["spec"].get("nodeName"))
        )

    def _grace(self, resource: Resource, obj: Json, options: DeleteOptions) -> int:
        if resource is NAMESPACES:
            return 1  # its content goes first, then the namespace controller takes it away
        if resource is not PODS:
            return 0
        done = dig(obj, "status", "phase") in ("Succeeded", "Failed")
        if not obj["spec"].get("nodeName") or (done and options.grace is None):
            return 0
        if options.grace is not None:
            return max(0, options.grace)
        return int(obj["spec"].get("terminationGracePeriodSeconds", 30))

    def _gone(self, resource: Resource, obj: Json) -> Json:
        meta = obj["metadata"]
        return self.store.remove(resource.key, meta.get("namespace", ""), meta["name"]) or obj

    def _after(self, seconds: int) -> str:
        return (self._clock.now() + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _same(new: Json, old: Json) -> bool:
    """Equal but for the times in managedFields, which alone make no write."""

    def bare(obj: Json) -> Json:
        return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != "managedFields"}}

    def owners(obj: Json) -> list[Json]:
        return [
            {k: v for k, v in e.items() if k != "time"} for e in obj["metadata"].get("managedFields") or ()
        ]

    return bare(new) == bare(old) and owners(new) == owners(old)
