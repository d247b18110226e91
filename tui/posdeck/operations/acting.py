"""An act of a session: the preview that finds out what it writes, the gate for each write, the run, the outcome."""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from posdeck.audit.record import Result, Verification
from posdeck.errors import RefusedError
from posdeck.execution.events import RunEvent
from posdeck.operations import custody, gate
from posdeck.operations.announcement import announce
from posdeck.operations.facts import Facts, answer_with_async, ask
from posdeck.operations.rules import Verdict
from posdeck.operations.workshop import Workshop
from posdeck.operations.write import ACTS, EMPTY, RESOURCES, Write, kubectl_for
from posdeck.runbooks.plan import Change, Plan, PlannedObject, changes_between

_HIDDEN = ("/metadata/managedFields", "/metadata/resourceVersion", "/metadata/generation", "/status")


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """One write as the preview found it, with the object before it and what the gate already says of it."""

    write: Write
    facts: Facts
    changes: tuple[Change, ...]
    refused: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that an act is going to write, and its plan."""

    plan: Plan
    writes: tuple[PlannedWrite, ...]

    @property
    def diff(self) -> str:
        """What changes, field by field, for people."""
        return "\n".join(p.write.diff for p in self.writes if p.write.diff)


async def preview_of(
    workshop: Workshop,
    results: Sequence[RunEvent],
    *,
    playbook: str,
    target: str,
    variables: Mapping[str, Any],
    documents: Write | None = None,
) -> Preview:
    """From the results of a check run: the writes it announced, each with the target read afresh.

    ``documents`` is a write whose runbook, playbook, session and digests are taken over.
    """
    found = [_announced(event) for event in results]
    writes: list[PlannedWrite] = []
    for each in found:
        if each is None:
            continue
        writes.append(await _planned(workshop, each, documents))
    objects = tuple(
        PlannedObject(
            kind=p.write.resource.kind,
            namespace=p.write.namespace,
            name=p.write.name,
            uid=p.facts.found.uid,
            template_hash=p.facts.found.template_hash,
            changes=p.changes,
        )
        for p in writes
    )
    before = _before(writes[0].facts) if len(writes) == 1 else {}
    return Preview(Plan(playbook, target, dict(variables), objects, before=before), tuple(writes))


async def authorise_all(
    workshop: Workshop, writes: Sequence[PlannedWrite], **given: str
) -> list[gate.Permit]:
    """Pass the gate for every write, or for none: when one is refused, those before it are settled as not
    carried out. ``given`` are typed, reason, ticket, run_id, break_glass. Raises RefusedError."""
    permits: list[gate.Permit] = []
    try:
        for planned in writes:
            write = replace(planned.write, **given)  # type: ignore[arg-type]
            facts = await answer_with_async(
                ask(write, workshop.target.server.url, workshop.cluster.ca_digest), workshop.ask
            )
            judged = functools.partial(gate.authorise, write, facts, workshop.standing())
            permits.append(await workshop.record(judged))
            await _keep(workshop, permits[-1], facts)
    except BaseException:
        await settle_all(workshop, permits, Result.NOTHING_CHANGED, message="the act was not begun")
        raise
    return permits


def run_variables(workshop: Workshop, permits: Sequence[gate.Permit], store: str) -> dict[str, Any]:
    """What the plugins of a run are handed, to show that they may write: see ``playbook_gate``."""
    cluster = workshop.cluster
    return {
        "posdeck_run": {
            "store": store,
            "intents": {f"{p.write.resource.kind}/{p.write.name}": p.intent.id for p in permits},
            "cluster": {
                "server": cluster.server,
                "ca_digest": cluster.ca_digest,
                "namespace_uid": cluster.namespace_uid,
                "cluster_uid": cluster.cluster_uid,
            },
            "replicas": {
                f"{p.write.resource.kind}/{p.write.name}": p.write.expected.replicas
                for p in permits
                if p.write.expected.replicas is not None
            },
        }
    }


async def settle_all(
    workshop: Workshop,
    permits: Sequence[gate.Permit],
    result: Result,
    *,
    verification: Verification = Verification.CANNOT_TELL,
    message: str = "",
    duration_ms: int | None = None,
) -> list[str]:
    """Commit the outcome of each permitted write, with the target as it is now, and leave the event on it.
    Returns what could not be done on the side."""
    warnings: list[str] = []
    for permit in permits:
        after = None
        if result is not Result.NOTHING_CHANGED:
            answer = await workshop.ask(_target_question(permit.write))
            after = dict(answer.json()) if answer.status == 200 else None
        await workshop.record(
            lambda store, p=permit, a=after: gate.settle(  # type: ignore[misc]
                p, store, result, verification=verification, after=a, message=message, duration_ms=duration_ms
            )
        )
        if result is not Result.NOTHING_CHANGED:
            warning = await answer_with_async(
                announce(permit, result.value, workshop.clock.now()), workshop.ask
            )
            if warning:
                warnings.append(warning)
    return warnings


def refusal_text(error: RefusedError) -> str:
    """A refusal in one text, with the command that it stood for."""
    command = f" ({error.kubectl})" if error.kubectl else ""
    return f"{error.cause}. {error.remedy}{command}"


async def _keep(workshop: Workshop, permit: gate.Permit, facts: Facts) -> None:
    if not custody.concerns_pods(permit.write):
        return
    kept = await answer_with_async(custody.collect(permit.write, facts.target), workshop.ask)
    for each in kept:
        await workshop.record(
            lambda store, e=each: store.save_evidence(permit.intent.id, e.name, e.text, e.media_type)  # type: ignore[misc]
        )


async def _planned(workshop: Workshop, announced: Mapping[str, Any], documents: Write | None) -> PlannedWrite:
    write_facts = announced["write"]
    act, resource = ACTS[str(write_facts["act"])], RESOURCES[str(write_facts["kind"])]
    namespace, name = str(write_facts["namespace"]), str(write_facts["name"])
    parameters = write_facts.get("parameters") or EMPTY
    before, after = announced.get("before"), announced.get("result")
    changes = changes_between(
        before if isinstance(before, Mapping) else None, after if isinstance(after, Mapping) else None
    )
    short = workshop.catalogue.short_name(name)
    write = Write(
        act=act,
        resource=resource,
        namespace=namespace,
        name=name,
        short=short,
        kubectl=kubectl_for(act.id, resource, namespace, name, parameters),
        parameters=dict(parameters),
        diff=diff_text(f"{resource.kind.lower()}/{name}", changes),
    )
    if documents is not None:
        write = replace(
            write,
            runbook=documents.runbook,
            runbook_digest=documents.runbook_digest,
            playbook=documents.playbook,
            playbook_digest=documents.playbook_digest,
            session_id=documents.session_id,
        )
    facts = await answer_with_async(
        ask(write, workshop.target.server.url, workshop.cluster.ca_digest), workshop.ask
    )
    expected = facts.found
    if not any(c.path.startswith("/spec/replicas") for c in changes):
        expected = replace(expected, replicas=None)
    write = replace(write, expected=expected)
    return PlannedWrite(write, facts, changes, gate.preflight(write, facts, workshop.standing()))


def diff_text(subject: str, changes: Sequence[Change]) -> str:
    """Changes as lines of - and +, under the object's name."""
    lines = [subject] if changes else []
    for change in changes:
        if change.path.startswith(_HIDDEN):
            continue
        lines.append(f"  {change.path.lstrip('/').replace('/', '.').replace('~1', '/')}")
        lines.extend(f"  - {part}" for part in _readable(change.before))
        lines.extend(f"  + {part}" for part in _readable(change.after))
    return "\n".join(lines)


def unified(before: str, after: str) -> str:
    """Two texts as a unified diff."""
    return "\n".join(
        difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="")
    )


def _readable(value: str | None) -> list[str]:
    if value is None:
        return []
    parsed = json.loads(value)
    return [parsed] if isinstance(parsed, str) else [value]


def _announced(event: RunEvent) -> Mapping[str, Any] | None:
    write = event.result.get("write")
    return event.result if isinstance(write, Mapping) and write.get("act") in ACTS else None


def _before(facts: Facts) -> dict[str, Any]:
    """What a rollback may ask for as ``before.name``."""
    annotations = ((facts.target or {}).get("metadata") or {}).get("annotations") or {}
    revision = str(annotations.get("deployment.kubernetes.io/revision") or "")
    found: dict[str, Any] = {}
    if facts.found.replicas is not None:
        found["replicas"] = facts.found.replicas
    if revision.isdigit():
        found["revision"] = int(revision)
    return found


def _target_question(write: Write) -> Any:
    from posdeck.operations.facts import Question

    return Question("GET", write.resource.path(write.namespace, write.name))
