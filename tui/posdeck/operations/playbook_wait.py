"""The lock of a plain ``ansible-playbook`` run while it waits for the rollout that it began.

The write itself holds the lock and gives it back with its outcome (``playbook_gate``); each task of Ansible is a process
of its own, so what waits takes it again, in the name of the same act, renews it, and gives it back. A run that posdeck
started needs none of this: posdeck holds its locks until the act is verified.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from posdeck.audit.origin import os_actor, os_place, start_time, this_process
from posdeck.audit.record import Intent, Note, RecordKind, Topic, intent_of
from posdeck.audit.sqlite import AuditStore, open_store
from posdeck.clock import SystemClock
from posdeck.config import load_settings
from posdeck.errors import AuditError
from posdeck.operations import locks
from posdeck.operations.facts import Answer, Question, answer_with
from posdeck.operations.journal import audit_path
from posdeck.operations.locks import Lease, Owner
from posdeck.operations.write import ACTS, RESOURCES, Write
from posdeck.redaction.redactor import Redactor

Read = Callable[[str, str, bytes | None], tuple[int, bytes]]
LOOKED_BACK = timedelta(hours=1)


@dataclass(slots=True)
class Waiting:
    """A lock that is held while a rollout is waited for; ``None`` as its lease means that there is none to hold."""

    ask: Callable[[Question], Answer]
    lease: Lease | None = None
    renewed: float = field(default_factory=time.monotonic)

    def renew(self) -> str:
        """Renew the lock when it is time; returns what has to be said about it, or ""."""
        if self.lease is None or time.monotonic() - self.renewed < locks.RENEW_EVERY:
            return ""
        self.renewed = time.monotonic()
        found = answer_with(locks.renew(self.lease, SystemClock().now()), self.ask)
        if isinstance(found, Lease):
            self.lease = found
        elif isinstance(found, locks.Busy):
            self.lease = None
            return f"the lock was lost while the rollout was waited for; {found.holder} has it now"
        return ""

    def give_back(self) -> str:
        """Give the lock back; returns what has to be said about it, or ""."""
        lease, self.lease = self.lease, None
        return answer_with(locks.release(lease), self.ask) if lease is not None else ""


def hold_on(namespace: str, name: str, read: Read) -> Waiting:
    """Hold the lock on a deployment that this very run of Ansible has written to; on any other nothing is held. Where
    the lock cannot be had, waiting goes on without it: nothing is written any more."""

    def ask(question: Question) -> Answer:
        body = None if question.body is None else json.dumps(question.body).encode()
        return Answer(*read(question.method, question.path, body))

    waiting = Waiting(ask)
    try:
        settings = load_settings()
        path = audit_path(settings)
        if not path.exists():
            return waiting
        with open_store(path, SystemClock(), Redactor(settings.redaction_patterns)) as store:
            intent = _own_act(store, namespace, name)
            if intent is not None:
                waiting.lease = _take(store, intent, ask)
    except AuditError:
        return waiting  # the act is on record; only its lock is not held for longer
    return waiting


def _own_act(store: AuditStore, namespace: str, name: str) -> Intent | None:
    parent = os.getppid()
    run = f"ansible-{parent}-{start_time(parent) or ''}"
    since = SystemClock().now() - LOOKED_BACK
    for record in store.records(RecordKind.INTENT, since=since, newest_first=True):
        intent = intent_of(record)
        target = intent.target
        if intent.run_id == run and (target.kind, target.namespace, target.name) == (
            "Deployment",
            namespace,
            name,
        ):
            return intent
    return None


def _take(store: AuditStore, intent: Intent, ask: Callable[[Question], Answer]) -> Lease | None:
    target = intent.target
    write = Write(
        act=ACTS[intent.act],
        resource=RESOURCES[target.kind],
        namespace=target.namespace,
        name=target.name,
        short=target.short,
        kubectl="",
    )
    user = intent.actor.kubernetes_user or intent.actor.user
    owner = Owner(user, intent.place.host, this_process(), intent.id, intent.act)
    found = answer_with(locks.acquire(write, owner, SystemClock().now), ask)
    if not isinstance(found, Lease):
        return None
    text = f"Lease {found.name} taken again while the rollout is waited for, to be renewed and given back"
    try:
        store.append_note(
            Note(
                Topic.EXEMPT_WRITE,
                text,
                os_actor(),
                os_place(environment=intent.place.environment),
                subject=intent.id,
                details={"lease": found.name, "intent": intent.id},
            )
        )
    except BaseException:
        answer_with(locks.release(found), ask)
        raise
    return found
