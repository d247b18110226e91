"""The one gate. Every write, from any key, command, runbook or playbook, passes ``authorise``: it judges the
write by the rules and commits the intent; only then may anything be changed. ``settle`` commits the outcome."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from posdeck.operations.rules import CONFIRMED_RULES, PREVIEW_RULES, Rule, Standing, Verdict
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
    """What the gate would say before anyone confirms; records nothing."""
    return judge(write, facts, standing, PREVIEW_RULES)[0]


def authorise(write: Write, facts: Facts, standing: Standing, store: AuditStore) -> Permit:
    """Let ``write`` pass, with its intent committed; raises RefusedError (itself recorded) otherwise.

    When the record cannot be written, the write is refused: there is no write without a record.
    """
    standing = replace(
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
    verdict, overridden = judge(write, facts, standing, (*PREVIEW_RULES, *CONFIRMED_RULES))
    if verdict is not None:
        refuse(write, facts, standing, store, verdict)
    intent = _intent(write, facts, standing, overridden)
    try:
        store.check_writable()
        store.append_intent(intent)
    except AuditError as error:
        raise RefusedError(
            "record",
            write.subject,
            f"the record cannot be written ({error.subject}: {error.cause}), so nothing is changed",
            error.remedy or "Make the audit store writable: posdeck doctor says how.",
            kubectl=write.kubectl,
        ) from error
    return Permit(intent, write, overridden)


def refuse(write: Write, facts: Facts, standing: Standing, store: AuditStore, verdict: Verdict) -> None:
    """Record the refusal and raise it. A refusal stands even when it cannot be recorded."""
    cause = verdict.cause
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
        id=str(uuid.uuid4()),
        act=write.act.id,
        act_class=ActClass(write.act.effect),
        actor=standing.actor,
        place=standing.place,
        target=_target(write, facts),
        process=standing.process,
        runbook=_document(write.runbook, write.runbook_digest),
        playbook=_document(write.playbook, write.playbook_digest),
        parameters=dict(write.parameters),
        preview_digest=hashlib.sha256(write.diff.encode()).hexdigest() if write.diff else "",
        preview_diff=write.diff,
        reason=write.reason,
        ticket=write.ticket,
        kubectl=write.kubectl,
        session_id=write.session_id,
        run_id=write.run_id,
        break_glass=bool(write.break_glass.strip()),
        overrides=overridden,
    )


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
