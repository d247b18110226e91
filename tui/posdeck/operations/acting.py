"""An act of a session: the preview that finds out what it writes, the gate for each write, the run, the outcome."""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from posdeck.audit.record import Result, Verification
from posdeck.errors import AuditError, RefusedError
from posdeck.execution.events import EventKind, RunEvent
from posdeck.operations import custody, gate, holding
from posdeck.operations.announcement import announce
from posdeck.operations.facts import Facts, answer_with_async, ask
from posdeck.operations.reach import at_once, bounds_of
from posdeck.operations.standing import Verdict
from posdeck.operations.workshop import Workshop
from posdeck.operations.write import ACTS, EMPTY, RESOURCES, Write, kubectl_for
from posdeck.runbooks.plan import Change, Plan, PlannedObject, changes_between

_REVISION = "deployment.kubernetes.io/revision"
_HIDDEN = ("/metadata/managedFields", "/metadata/resourceVersion", "/metadata/generation", "/status")


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """One write as the preview found it, with the object before it and what the gate already says of it."""

    write: Write
    facts: Facts
    changes: tuple[Change, ...]
    refused: Verdict | None = None
    objections: tuple[Verdict, ...] = ()  # policies that say no as things stand; break-glass sets them aside


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
    found = [each for each in (_announced(event) for event in results) if each is not None]
    size = {"objects": len(found), "at_once": at_once(workshop.folders.playbook(playbook), len(found))}
    writes = [await _planned(workshop, each, documents, size) for each in found]
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
    before = _before(writes[0]) if len(writes) == 1 else {}
    return Preview(Plan(playbook, target, dict(variables), objects, before=before), tuple(writes))


async def refused_trial(
    workshop: Workshop, results: Sequence[RunEvent], documents: Write | None = None
) -> PlannedWrite | None:
    """After a preview that failed: the write that it tried, when the gate would not let it pass anyway. A server
    that forbids a write forbids its dry run as well, and the refusal is to name the rule and be on record."""
    for event in results:
        act = event.action.rpartition(".")[2].replace("_", "-")
        workload = workshop.catalogue.workloads.get(event.host)
        if event.kind is not EventKind.TASK_FAILED or workload is None or act not in ACTS:
            continue
        tried = {"act": act, "kind": "Deployment", "namespace": workshop.target.namespace}
        announced = {"write": {**tried, "name": workload.deployment}}
        planned = await _planned(workshop, announced, documents, {"objects": 1, "at_once": 1})
        if planned.refused is not None:
            return planned
    return None


async def authorise_all(
    workshop: Workshop, writes: Sequence[PlannedWrite], **given: Any
) -> list[gate.Permit]:
    """Pass the gate for every write, or for none: when one is refused, those before it are settled as not
    carried out. ``given`` are fields of a write: typed, reason, ticket, run_id, break_glass, informed, and
    others. Each permit comes with the lock on its object, in ``workshop.locks``. Raises RefusedError."""
    permits: list[gate.Permit] = []
    try:
        for planned in writes:
            write = replace(planned.write, intent_id=str(uuid.uuid4()), **given)
            permits.append(await _authorise(workshop, write))
    except BaseException:
        await settle_all(workshop, permits, Result.NOTHING_CHANGED, message="the act was not begun")
        raise
    return permits


async def _authorise(workshop: Workshop, write: Write) -> gate.Permit:
    """The rules, the lock, the target once more (its last holder may have changed it meanwhile), the intent."""
    facts = await facts_of(workshop, write)
    examined = functools.partial(gate.examine, write, facts, workshop.standing())
    known, _ = await workshop.record(examined)
    keeping = await holding.take(workshop, write, facts, known)
    try:
        facts = await facts_of(workshop, write)
        judged = functools.partial(gate.authorise, write, facts, workshop.standing())
        permit = await workshop.record(judged)
    except BaseException:
        await keeping.give_back()
        raise
    workshop.locks[permit.intent.id] = keeping
    try:
        await _keep(workshop, permit, facts)
    except BaseException:
        await settle_all(workshop, [permit], Result.NOTHING_CHANGED, message="the evidence could not be kept")
        raise
    return permit


async def facts_of(workshop: Workshop, write: Write) -> Facts:
    """What the gate needs to know, read afresh."""
    return await answer_with_async(
        ask(write, workshop.target.server.url, workshop.cluster.ca_digest), workshop.ask
    )


def loud(workshop: Workshop, permits: Sequence[gate.Permit]) -> tuple[str, ...]:
    """What has to be said while an act runs: what break-glass set aside, and locks that hold back too few."""
    lines = []
    for permit in permits:
        if permit.intent.break_glass:
            rules = ", ".join(permit.overridden) or "no rule"
            lines.append(f"BREAK-GLASS on {permit.write.short}: {rules} set aside; this is on record")
        keeping = workshop.locks.get(permit.intent.id)
        if keeping is not None and keeping.held.warning:
            lines.append(keeping.held.warning)
    return tuple(lines)


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
        try:
            after = None
            if result is not Result.NOTHING_CHANGED:
                answer = await workshop.ask(_target_question(permit.write))
                after = dict(answer.json()) if answer.status == 200 else None
            settled = functools.partial(
                gate.settle,
                permit,
                result=result,
                verification=verification,
                after=after,
                message=message,
                duration_ms=duration_ms,
            )
            await workshop.record(lambda store, settle=settled: settle(store=store))  # type: ignore[misc]
        finally:
            keeping = workshop.locks.pop(permit.intent.id, None)
            warnings += [said for said in [await keeping.give_back() if keeping else ""] if said]
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


async def _planned(
    workshop: Workshop, announced: Mapping[str, Any], documents: Write | None, size: Mapping[str, int]
) -> PlannedWrite:
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
        bounds=bounds_of(workshop.catalogue, short),
        objects=size["objects"],
        at_once=size["at_once"],
    )
    if documents is not None:
        write = replace(
            write,
            runbook=documents.runbook,
            runbook_digest=documents.runbook_digest,
            playbook=documents.playbook,
            playbook_digest=documents.playbook_digest,
            session_id=documents.session_id,
            limits=documents.limits,
            undoes=documents.undoes,
            left=documents.left,
        )
    facts = await facts_of(workshop, write)
    expected = facts.found
    if not any(c.path.startswith("/spec/replicas") for c in changes):
        expected = replace(expected, replicas=None)
    write = replace(write, expected=expected)
    refused = gate.preflight(write, facts, workshop.standing())
    return PlannedWrite(write, facts, changes, refused, await _objections(workshop, write, facts))


async def _objections(workshop: Workshop, write: Write, facts: Facts) -> tuple[Verdict, ...]:
    """What the policies say already; without a record to ask, the gate will say so when it matters."""
    asked = functools.partial(gate.with_precedents, write, facts, workshop.standing())
    try:
        return gate.objections(write, facts, await workshop.record(asked))
    except AuditError as error:
        return (Verdict("record", error.cause, error.remedy),)


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


def _readable(value: str | None) -> list[str]:
    if value is None:
        return []
    parsed = json.loads(value)
    return [parsed] if isinstance(parsed, str) else [value]


def _announced(event: RunEvent) -> Mapping[str, Any] | None:
    write = event.result.get("write")
    return event.result if isinstance(write, Mapping) and write.get("act") in ACTS else None


def _before(planned: PlannedWrite) -> dict[str, Any]:
    """What a rollback may ask for as ``before.name``; the manifest only where the act takes the object away."""
    target = planned.facts.target or {}
    metadata, spec = target.get("metadata") or {}, target.get("spec") or {}
    revision = str((metadata.get("annotations") or {}).get(_REVISION) or "")
    found: dict[str, Any] = {}
    if planned.facts.found.replicas is not None:
        found["replicas"] = planned.facts.found.replicas
    if revision.isdigit():
        found["revision"] = int(revision)
    if planned.write.resource.kind == "HorizontalPodAutoscaler":
        found["hpa_minimum"] = spec.get("minReplicas") or 1
        found["hpa_maximum"] = spec.get("maxReplicas")
    if planned.write.act.id == "delete" and target:
        found["manifest"] = restorable(target)
    return found


def restorable(target: Mapping[str, Any]) -> dict[str, Any]:
    """An object as it has to be applied to exist again, without what the server and its controllers added."""
    metadata = target.get("metadata") or {}
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if metadata.get(key)}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != _REVISION}
    if annotations:
        kept["annotations"] = annotations
    rest = {k: v for k, v in target.items() if k not in {"metadata", "status"}}
    return {**rest, "metadata": kept}


def _target_question(write: Write) -> Any:
    from posdeck.operations.facts import Question

    return Question("GET", write.resource.path(write.namespace, write.name))
