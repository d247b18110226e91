"""Locks while they are held: taken before an intent is committed, renewed during the run, given back at its end.

Where RBAC forbids Leases, a file holds back the other sessions of this user on this machine, and a warning says
that nobody else is.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from posdeck.audit.record import Note, Topic
from posdeck.audit.sqlite import AuditStore
from posdeck.config import private_folder
from posdeck.operations import gate, locks
from posdeck.operations.facts import Answer, Facts, Question, answer_with_async
from posdeck.operations.locks import Busy, Lease, Owner, Unavailable, lease_name
from posdeck.operations.standing import Standing, Verdict
from posdeck.operations.write import Write

if TYPE_CHECKING:
    from posdeck.operations.workshop import Workshop


class LocalLock:
    """A file that this process has locked; the system unlocks it when the process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Unlock it. The file stays: removing it would let two others lock two different files."""
        os.close(self._descriptor)


def local_lock(state: Path, write: Write, server: str) -> LocalLock | None:
    """Lock the file that stands for a write's object; None when another session holds it. Raises OSError."""
    name = hashlib.sha256(f"{server} {write.namespace} {lease_name(write)}".encode()).hexdigest()
    path = private_folder(state / "locks") / f"{name}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return LocalLock(descriptor)


@dataclass(slots=True)
class Held:
    """One lock, of whichever kind; ``warning`` is what has to be said about it ("" if nothing)."""

    lease: Lease | None = None
    local: LocalLock | None = None
    warning: str = ""


Taking = Generator[Question, Answer, "Held | Verdict"]


def owner_of(write: Write, facts: Facts, standing: Standing) -> Owner:
    """Who takes the lock: the Kubernetes identity where it is known, else the user of this machine."""
    user = facts.username or standing.actor.kubernetes_user or standing.actor.user
    return Owner(user, standing.place.host, standing.process, write.intent_id, write.act.id)


def hold(write: Write, facts: Facts, standing: Standing, state: Path, now: Callable[[], datetime]) -> Taking:
    """Take the lock on the write's object, or answer with the no of the rule ``lock``, which nobody can set
    aside: two people at work on one object is what it is for."""
    found = yield from locks.acquire(write, owner_of(write, facts, standing), now)
    if isinstance(found, Lease):
        return Held(lease=found)
    if isinstance(found, Busy):
        doing = f" for {found.act}" if found.act else ""
        return Verdict(
            "lock",
            f"{found.holder} holds the lock on it{doing} since {found.since or 'an unknown time'}",
            f"Talk to them, or wait: a lock that is not renewed ends after {locks.SECONDS} s. "
            f"See it with: kubectl get lease {lease_name(write)} -n {write.namespace}.",
        )
    if not found.forbidden:
        return Verdict(
            "lock", f"its lock cannot be taken ({found.cause})", "Restore the connection and try again."
        )
    return _locally(write, facts, state, found)


def _locally(write: Write, facts: Facts, state: Path, why: Unavailable) -> Held | Verdict:
    try:
        local = local_lock(state, write, facts.cluster.server)
    except OSError as error:
        return Verdict("lock", f"no lock can be taken, not even locally ({error})", "Mend the state folder.")
    if local is None:
        return Verdict(
            "lock",
            "another session of this machine is at work on it",
            "Wait for its end; posdeck audit list shows it.",
        )
    return Held(
        local=local,
        warning=f"Leases are forbidden here ({why.cause}): only this machine is locked on {write.short}, "
        "OTHERS ARE NOT HELD BACK",
    )


def record_lock(held: Held, write: Write, standing: Standing, store: AuditStore) -> None:
    """Put on record what the lock wrote beside the act itself: a Lease is a named exception, never a secret.
    Raises AuditError."""
    about = {"object": f"{write.resource.kind}/{write.name}", "intent": write.intent_id}
    if held.lease is None:
        notes: list[tuple[Topic, str, Mapping[str, str]]] = [
            (Topic.COMMENT, f"no Lease on {write.subject}: {held.warning}", {})
        ]
    else:
        name = held.lease.name
        text = f"Lease {name} taken, to be renewed and given back; access reviews asked; an Event will follow"
        notes = [(Topic.EXEMPT_WRITE, text, {"lease": name})]
        if held.lease.taken_from:
            text = f"the abandoned lock {name} of {held.lease.taken_from} was taken over"
            notes.append((Topic.LOCK_TAKEN_OVER, text, {"lease": name, "from": held.lease.taken_from}))
    for topic, text, details in notes:
        store.append_note(
            Note(
                topic,
                text,
                standing.actor,
                standing.place,
                subject=write.intent_id,
                details={**about, **details},
            )
        )


@dataclass(slots=True)
class Keeping:
    """A lock of posdeck's own run, renewed in the background until it is given back."""

    workshop: Workshop
    held: Held
    write: Write
    _task: asyncio.Task[None] | None = None
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def begin(self) -> None:
        """Start renewing."""
        if self.held.lease is not None:
            self._task = asyncio.get_running_loop().create_task(
                self._renew(), name=f"lock {self.held.lease.name}"
            )

    async def give_back(self) -> str:
        """Stop renewing and release; returns what has to be said about the lock, or ""."""
        if self._task is not None:
            async with self._busy:  # a renewal that is under way would make the precondition stale
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.held.local is not None:
            self.held.local.release()
        if self.held.lease is not None:
            problem = await answer_with_async(locks.release(self.held.lease), self.workshop.ask)
            return "; ".join(part for part in (self.held.warning, problem) if part)
        return self.held.warning

    async def _renew(self) -> None:
        while self.held.lease is not None:
            await self.workshop.clock.sleep(locks.RENEW_EVERY)
            async with self._busy:
                found = await answer_with_async(
                    locks.renew(self.held.lease, self.workshop.clock.now()), self.workshop.ask
                )
                if isinstance(found, Lease):
                    self.held.lease = found
                elif isinstance(found, Busy):
                    self.held.warning = (
                        f"THE LOCK ON {self.write.short} WAS LOST while this ran; {found.holder} has it now"
                    )
                    self.held.lease = None


async def take(workshop: Workshop, write: Write, facts: Facts, standing: Standing) -> Keeping:
    """Take, record and begin to renew the lock on one write's object. Raises RefusedError (recorded) when
    somebody else holds it, AuditError when it cannot be recorded."""
    found = await answer_with_async(
        hold(write, facts, standing, workshop.state, workshop.clock.now), workshop.ask
    )
    if isinstance(found, Verdict):
        return await workshop.record(lambda store: gate.refuse(write, facts, standing, store, found))
    keeping = Keeping(workshop, found, write)
    try:
        await workshop.record(lambda store: record_lock(found, write, standing, store))
    except BaseException:
        await keeping.give_back()
        raise
    keeping.begin()
    return keeping
