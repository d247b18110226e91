"""A lock on one object, held as a Kubernetes Lease, so that two engineers cannot work on it at once.

Written as questions and answers, like the gate's facts. Whether a lock has run out is told by the server's own
times (managed fields, the creation time of a dry run), because the clocks of two laptops need not agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from posdeck.audit.origin import process_alive
from posdeck.audit.record import Process
from posdeck.operations.facts import Answer, Question
from posdeck.operations.write import Resource, Write

LEASE = Resource("Lease", "coordination.k8s.io", "v1", "leases")
SECONDS = 60  # how long a lock lasts without being renewed
RENEW_EVERY = 20.0  # seconds
_TRIES = 4
_LONGEST = 200  # of a lease's name; the API takes 253


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a lock, for which act. ``intent_id`` is the record's."""

    user: str
    host: str
    process: Process
    intent_id: str
    act: str

    @property
    def identity(self) -> str:
        """What stands in the Lease as its holder."""
        return f"{self.user}@{self.host}/{self.process.pid}/{self.intent_id}"


@dataclass(frozen=True, slots=True)
class Lease:
    """A lock that is held: the object as the server has it, and whose abandoned lock it was before ("" if
    nobody's)."""

    raw: Mapping[str, Any]
    taken_from: str = ""

    @property
    def name(self) -> str:
        """The Lease's own name."""
        return str(self.raw["metadata"]["name"])

    @property
    def path(self) -> str:
        """The Lease's path."""
        metadata = self.raw["metadata"]
        return LEASE.path(str(metadata["namespace"]), str(metadata["name"]))


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody else holds it, since then, for that."""

    holder: str
    act: str
    since: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No lock could be taken; ``forbidden`` says that RBAC does not let us, which a local lock stands in for."""

    cause: str
    forbidden: bool = False


Taking = Generator[Question, Answer, "Lease | Busy | Unavailable"]


def lease_name(write: Write) -> str:
    """The name of the lock on a write's object: the same for everyone, and valid however long that name is."""
    name = f"posdeck-{write.resource.kind.lower()}-{write.name}"
    if len(name) <= _LONGEST:
        return name
    return f"{name[:150].rstrip('.-')}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def acquire(
    write: Write,
    owner: Owner,
    now: Callable[[], datetime],
    alive: Callable[[Process], bool] = process_alive,
) -> Taking:
    """Take the lock; one that ran out, or whose process on this host is gone, is taken over."""
    name = lease_name(write)
    path = LEASE.path(write.namespace, name)
    for _ in range(_TRIES):  # somebody may get in between a look and a write
        found = yield Question("GET", path)
        if found.status == 404:
            body = _body(write, owner, now(), {}, 0)
            made = yield Question("POST", LEASE.path(write.namespace), body)
            if made.status in {200, 201}:
                return Lease(made.json())
            if made.status != 409:
                return _unavailable(made)
            continue
        if found.status != 200:
            return _unavailable(found)
        raw = found.json()
        holder = str((raw.get("spec") or {}).get("holderIdentity") or "")
        if holder == owner.identity:  # an answer was lost, and the request repeated
            return Lease(raw)
        if holder and not (yield from _abandoned(raw, write.namespace, owner, now, alive)):
            return _busy(raw, holder)
        changes = int((raw.get("spec") or {}).get("leaseTransitions") or 0) + 1
        taken = yield Question("PUT", path, _body(write, owner, now(), raw["metadata"], changes))
        if taken.status == 200:
            return Lease(taken.json(), taken_from=holder)
        if taken.status not in {404, 409}:
            return _unavailable(taken)
    return Unavailable(f"the Lease {name} changes faster than it can be taken")


def renew(lease: Lease, now: datetime) -> Generator[Question, Answer, Lease | Busy | Unavailable]:
    """Go on holding it. Busy means that it was lost: somebody else has it now, or it is gone."""
    spec = {**lease.raw["spec"], "renewTime": _micro(now)}
    answer = yield Question("PUT", lease.path, {**lease.raw, "spec": spec})
    if answer.status == 200:
        return Lease(answer.json(), lease.taken_from)
    if answer.status not in {404, 409}:
        return _unavailable(answer)
    found = yield Question("GET", lease.path)
    raw = found.json() if found.status == 200 else {}
    holder = str((raw.get("spec") or {}).get("holderIdentity") or "nobody")
    if holder == lease.raw["spec"]["holderIdentity"]:
        return Lease(raw, lease.taken_from)  # it moved, and is still ours: renewed next time
    return _busy(raw, holder)


def release(lease: Lease) -> Generator[Question, Answer, str]:
    """Give it back, unless it is somebody else's by now; returns why it could not be, or ""."""
    metadata = lease.raw["metadata"]
    same = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    answer = yield Question(
        "DELETE", lease.path, {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": same}
    )
    if answer.status == 403:
        spec = {k: v for k, v in lease.raw["spec"].items() if k not in {"holderIdentity", "renewTime"}}
        answer = yield Question("PUT", lease.path, {**lease.raw, "spec": spec})
    if answer.status in {200, 202, 404}:
        return ""
    return (
        f"the lock {lease.name} could not be given back ({answer.status or 'no answer'}: {answer.message()}); "
        f"it ends by itself within {SECONDS} s"
    )


def _abandoned(
    raw: Mapping[str, Any],
    namespace: str,
    owner: Owner,
    now: Callable[[], datetime],
    alive: Callable[[Process], bool],
) -> Generator[Question, Answer, bool]:
    holder = _process_here(raw, owner.host)
    if holder is not None and not alive(holder):
        return True
    spec = raw.get("spec") or {}
    lasts = timedelta(seconds=int(spec.get("leaseDurationSeconds") or SECONDS))
    entries = (raw.get("metadata") or {}).get("managedFields") or ()
    written = [at for at in (_time(str(e.get("time") or "")) for e in entries) if at is not None]
    if written:
        probe = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"generateName": "posdeck-time-", "namespace": namespace},
        }
        answer = yield Question("POST", f"{LEASE.path(namespace)}?dryRun=All", probe)
        server = _time(str((answer.json().get("metadata") or {}).get("creationTimestamp") or ""))
        if answer.status in {200, 201} and server is not None:
            return server - max(written) > lasts + timedelta(seconds=1)  # the server counts whole seconds
    renewed = _time(str(spec.get("renewTime") or spec.get("acquireTime") or ""))
    return renewed is None or now() - renewed > lasts


def _process_here(raw: Mapping[str, Any], host: str) -> Process | None:
    """The holder's process, when it runs on this host (a boot before this one has none alive)."""
    annotations = (raw.get("metadata") or {}).get("annotations") or {}
    parts = str(annotations.get("posdeck/process") or "").split(" ")
    if annotations.get("posdeck/host") != host or len(parts) != 3 or not parts[0].isdigit():
        return None
    return Process(int(parts[0]), parts[1].replace("_", " "), parts[2])


def _body(
    write: Write, owner: Owner, at: datetime, metadata: Mapping[str, Any], transitions: int
) -> dict[str, Any]:
    process = owner.process
    same = {k: metadata[k] for k in ("uid", "resourceVersion") if k in metadata}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": lease_name(write),
            "namespace": write.namespace,
            **same,
            "labels": {"app.kubernetes.io/managed-by": "posdeck"},
            "annotations": {
                "posdeck/object": f"{write.resource.kind}/{write.name}",
                "posdeck/act": owner.act,
                "posdeck/host": owner.host,
                "posdeck/process": f"{process.pid} {process.start_time.replace(' ', '_')} {process.boot_id}",
            },
        },
        "spec": {
            "holderIdentity": owner.identity,
            "leaseDurationSeconds": SECONDS,
            "acquireTime": _micro(at),
            "renewTime": _micro(at),
            "leaseTransitions": transitions,
        },
    }


def _busy(raw: Mapping[str, Any], holder: str) -> Busy:
    annotations = (raw.get("metadata") or {}).get("annotations") or {}
    since = str((raw.get("spec") or {}).get("acquireTime") or "")
    return Busy(holder, str(annotations.get("posdeck/act") or ""), since.partition(".")[0].replace("T", " "))


def _unavailable(answer: Answer) -> Unavailable:
    cause = f"{answer.status or 'no answer'}: {answer.message()}"
    return Unavailable(cause, forbidden=answer.status == 403)


def _micro(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
