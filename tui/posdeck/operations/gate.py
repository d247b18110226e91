"""The one gate. Every write, from any key, command, runbook or playbook, passes ``authorise``: it judges the
write by the rules and commits the intent; only then may anything be changed. ``settle`` commits the outcome."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from posdeck.audit.reading import AuditReader
from posdeck.audit.record import (
    ActClass,
    Document,
    Intent,
    Outcome,
    Refusal,
    Result,
    Target,
    Verification,
)
from posdeck.audit.sqlite import AuditStore
from posdeck.errors import AuditError, RefusedError
from posdeck.operations.facts import Facts, expected_of
from posdeck.operations.precedents import read_precedents
from posdeck.operations.rules import ALL_RULES, POLICY_RULES, PREVIEW_RULES
from posdeck.operations.standing import Rule, Standing, Verdict
from posdeck.operations.write import Write


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to make one write: its intent is in the record. ``overridden`` lists the rules that
    break-glass set aside."""

    intent: Intent
    write: Write
    overridden: tuple[str, ...] = ()


def judge(
    write: Write, facts: Facts, standing: Standing, rules: Sequence[Rule]
) -> tuple[Verdict | None, tuple[str, ...]]:
    """The first rule that says no, and the rules that break-glass set aside on the way."""
    overridden: list[str] = []
    for rule in rules:
        verdict = rule(write, facts, standing)
        if verdict is None:
            continue
        if verdict.overridable and write.break_glass.strip():
            overridden.append(verdict.rule)
            continue
        return verdict, tuple(overridden)
    return None, tuple(overridden)


def preflight(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """What nobody can set aside, asked before anyone confirms; records nothing."""
    return judge(write, facts, standing, PREVIEW_RULES)[0]


def objections(write: Write, facts: Facts, standing: Standing) -> tuple[Verdict, ...]:
    """Every policy that would say no as things stand, to be shown before anyone confirms; records nothing.
    ``standing`` needs its precedents: see ``with_precedents``."""
    found = (rule(write, facts, standing) for rule in POLICY_RULES)
    return tuple(verdict for verdict in found if verdict is not None)


def with_precedents(write: Write, facts: Facts, standing: Standing, store: AuditReader) -> Standing:
    """The standing with what the record says of the past, and who and where as the API server knows it.
    Blocks on the disk; raises AuditError."""
    known = _placed(write, facts, standing)
    now = standing.now
    if now is None:
        return known
    past = read_precedents(store, write, standing.environment, standing.policy.staging_first, now)
    return replace(known, precedents=past)


def _placed(write: Write, facts: Facts, standing: Standing) -> Standing:
    return replace(
        standing,
        actor=replace(
            standing.actor,
            kubernetes_user=facts.username or standing.actor.kubernetes_user,
            kubernetes_groups=facts.groups or standing.actor.kubernetes_groups,
        ),
        place=replace(
            standing.place,
            server=facts.cluster.server or standing.place.server,
            cluster_uid=facts.cluster.cluster_uid or standing.place.cluster_uid,
            namespace=write.namespace,
            environment=standing.environment,
        ),
    )


def examine(
    write: Write, facts: Facts, standing: Standing, store: AuditStore
) -> tuple[Standing, tuple[str, ...]]:
    """Judge ``write`` by every rule; raises RefusedError (itself recorded) at the first that says no and that
    break-glass does not set aside. Returns the standing with its precedents, and what was set aside.
    Commits nothing else: a lock is taken only for a write that may go on."""
    try:
        known = with_precedents(write, facts, standing, store)
    except AuditError as error:
        raise _no_record(write, error) from error
    verdict, overridden = judge(write, facts, known, ALL_RULES)
    if verdict is not None:
        refuse(write, facts, known, store, verdict)
    return known, overridden


def authorise(write: Write, facts: Facts, standing: Standing, store: AuditStore) -> Permit:
    """Let ``write`` pass, with its intent committed; raises RefusedError (itself recorded) otherwise.

    When the record cannot be written, the write is refused: there is no write without a record.
    """
    known, overridden = examine(write, facts, standing, store)
    intent = _intent(write, facts, known, overridden)
    try:
        store.check_writable()
        store.append_intent(intent)
    except AuditError as error:
        raise _no_record(write, error) from error
    return Permit(intent, write, overridden)


def _no_record(write: Write, error: AuditError) -> RefusedError:
    return RefusedError(
        "record",
        write.subject,
        f"the record cannot be written ({error.subject}: {error.cause}), so nothing is changed",
        error.remedy or "Make the audit store writable: posdeck doctor says how.",
        kubectl=write.kubectl,
    )


def refuse(write: Write, facts: Facts, standing: Standing, store: AuditStore, verdict: Verdict) -> NoReturn:
    """Record the refusal and raise it. A refusal stands even when it cannot be recorded."""
    cause = verdict.cause
    standing = _placed(write, facts, standing)
    try:
        store.append_refusal(
            Refusal(
                rule=verdict.rule,
                cause=verdict.cause,
                remedy=verdict.remedy,
                act=write.act.id,
                actor=standing.actor,
                place=standing.place,
                target=_target(write, facts),
                parameters=dict(write.parameters),
                runbook=_document(write.runbook, write.runbook_digest),
                reason=write.reason,
                ticket=write.ticket,
                kubectl=write.kubectl,
                session_id=write.session_id,
            )
        )
    except AuditError as error:
        cause = f"{cause} (and the refusal could not be recorded: {error.cause})"
    raise RefusedError(verdict.rule, write.subject, cause, verdict.remedy, kubectl=write.kubectl)


def settle(
    permit: Permit,
    store: AuditStore,
    result: Result,
    *,
    verification: Verification = Verification.CANNOT_TELL,
    after: dict[str, object] | None = None,
    message: str = "",
    duration_ms: int | None = None,
    evidence: tuple[str, ...] = (),
) -> None:
    """Commit the outcome of a permitted write; ``after`` is the target as it is now (raw JSON) or None."""
    metadata = (after or {}).get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    store.append_outcome(
        Outcome(
            intent_id=permit.intent.id,
            result=result,
            verification=verification,
            generation_after=metadata.get("generation"),
            template_hash_after=expected_of(after).template_hash if after else "",
            resource_version_after=str(metadata.get("resourceVersion") or ""),
            message=message,
            duration_ms=duration_ms,
            process=permit.intent.process,
            evidence=evidence,
        )
    )


def _intent(write: Write, facts: Facts, standing: Standing, overridden: tuple[str, ...]) -> Intent:
    return Intent(
        id=write.intent_id or str(uuid.uuid4()),
        act=write.act.id,
        act_class=ActClass(write.effect),
        actor=standing.actor,
        place=standing.place,
        target=_target(write, facts),
        process=standing.process,
        runbook=_document(write.runbook, write.runbook_digest),
        playbook=_document(write.playbook, write.playbook_digest),
        parameters=dict(write.parameters),
        plan_digest=write.plan_digest,
        preview_digest=hashlib.sha256(write.diff.encode()).hexdigest() if write.diff else "",
        preview_diff=write.diff,
        reason=_reason(write),
        ticket=write.ticket,
        kubectl=write.kubectl,
        session_id=write.session_id,
        run_id=write.run_id,
        break_glass=bool(write.break_glass.strip()),
        overrides=overridden,
        informed=write.informed,
        rollback_of=standing.precedents.undoes if standing.precedents is not None else "",
    )


def _reason(write: Write) -> str:
    """The reason, with that of break-glass: whoever reads the record finds both in one place."""
    if not write.break_glass.strip():
        return write.reason
    said = f"break-glass: {write.break_glass.strip()}"
    return f"{write.reason.strip()} ({said})" if write.reason.strip() else said


def _target(write: Write, facts: Facts) -> Target:
    metadata = (facts.target or {}).get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    return Target(
        kind=write.resource.kind,
        name=write.name,
        short=write.short,
        namespace=write.namespace,
        uid=facts.found.uid,
        generation=metadata.get("generation"),
        resource_version=str(metadata.get("resourceVersion") or ""),
        template_hash=facts.found.template_hash,
        revision=str(annotations.get("deployment.kubernetes.io/revision") or ""),
        replicas=facts.found.replicas,
    )


def _document(name: str, digest: str) -> Document | None:
    return Document(name, digest) if name else None
