"""The gate as a write plugin meets it, inside Ansible's own process.

In a run that posdeck started, the intent is in the record already: the plugin shows it, and the cluster and the
target are held against what was planned once more. In a plain ``ansible-playbook`` run the whole gate is passed
here, so that there is no way to write through this project without a record.

What posdeck hands to its own runs is the extra variable ``posdeck_run``: ``store`` (the audit store's path),
``intents`` ("Deployment/full-name" → intent id), ``cluster`` (server, ca_digest, namespace_uid, cluster_uid) and
``replicas`` ("Deployment/full-name" → replicas expected now, only where the plan changes them).

Every writing plugin returns, in check mode too, ``write`` ({act, kind, namespace, name, parameters}), ``before``
(the raw object as read) and ``result`` (the raw object as it is, or in check mode would be): from these posdeck
makes the preview, and after the run the record.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from posdeck.audit.origin import os_actor, os_place, start_time, this_process
from posdeck.audit.record import Intent, Result
from posdeck.audit.sqlite import AuditStore, open_store
from posdeck.catalogue.model import Catalogue
from posdeck.catalogue.reading import read_catalogue
from posdeck.clock import SystemClock
from posdeck.cluster.kubeconfig import Target, load_target
from posdeck.config import load_settings, state_folder
from posdeck.content import file_digest, folder_digest
from posdeck.errors import AuditError, ConfigurationError, ContentError, RefusedError
from posdeck.operations import custody, gate, holding, locks
from posdeck.operations.announcement import announce
from posdeck.operations.authority import resource_version, target_ca_digest
from posdeck.operations.binding import read_bindings
from posdeck.operations.facts import Answer, Facts, Question, answer_with, ask
from posdeck.operations.journal import audit_path
from posdeck.operations.reach import bounds_of
from posdeck.operations.standing import Standing, Verdict
from posdeck.operations.write import ACTS, EMPTY, RESOURCES, Expected, Write, kubectl_for
from posdeck.redaction.redactor import Redactor

Read = Callable[[str, str, bytes | None], tuple[int, bytes]]


@dataclass(slots=True)
class PlaybookPermit:
    """What the plugin holds while it writes. ``own`` is set when this process has to settle the outcome."""

    intent_id: str
    expected: Expected
    resource_version: str
    own: gate.Permit | None = None
    store: AuditStore | None = None
    ask: Callable[[Question], Answer] | None = None
    began: float = field(default_factory=time.monotonic)
    evidence: tuple[str, ...] = ()
    held: holding.Held | None = None


def authorise(
    act: str,
    kind: str,
    namespace: str,
    name: str,
    host_vars: Mapping[str, Any],
    kubeconfig: str | None,
    confirm: str | None,
    reason: str | None,
    ticket: str | None,
    check: bool,
    run: Mapping[str, Any] | None,
    read: Read,
    parameters: Mapping[str, Any] | None = None,
) -> PlaybookPermit | None:
    """Let one write of one plugin pass. In check mode nothing is asked or recorded, and None is returned.

    ``read`` makes one request (method, path with query, JSON body or None) and gives status and body. Raises
    RefusedError with the rule and the way forward.
    """
    if check:
        return None
    target = load_target(Path(kubeconfig) if kubeconfig else None)
    short = str(host_vars.get("inventory_hostname") or name)
    write = Write(
        act=ACTS[act],
        resource=RESOURCES[kind],
        namespace=namespace,
        name=name,
        short=short,
        kubectl=kubectl_for(act, RESOURCES[kind], namespace, name, parameters or EMPTY),
        parameters=dict(parameters or {}),
        typed=confirm or "",
        reason=reason or "",
        ticket=ticket or "",
        playbook=Path(str(host_vars.get("playbook_file") or "")).name,
        break_glass=str(host_vars.get("break_glass") or ""),
        informed=_names_in(host_vars.get("informed")),
        at_once=len(host_vars.get("ansible_play_batch") or ()) or 1,
        intent_id=str(uuid.uuid4()),
    )

    def answer(question: Question) -> Answer:
        import json

        body = None if question.body is None else json.dumps(question.body).encode()
        status, content = read(question.method, question.path, body)
        return Answer(status, content)

    facts = answer_with(ask(write, target.server.url, target_ca_digest(target)), answer)
    if run:
        return _show_intent(write, facts, run)
    return _pass_whole_gate(write, facts, target, host_vars, answer)


def settle(permit: PlaybookPermit | None, result: str, after: Mapping[str, Any] | None, message: str) -> str:
    """Commit the outcome of a plain run's write and leave the event on the object; returns a warning or "".

    ``result`` is succeeded, failed, cancelled, unknown or nothing-changed. A run that posdeck started is
    settled by posdeck, which also verifies it.
    """
    if permit is None or permit.own is None or permit.store is None:
        return ""
    warnings = []
    try:
        with permit.store as store:
            gate.settle(
                permit.own,
                store,
                Result(result),
                after=dict(after) if after else None,
                message=message,
                duration_ms=round((time.monotonic() - permit.began) * 1000),
                evidence=permit.evidence,
            )
    finally:
        warnings.append(_give_back(permit.held, permit.ask))
    if permit.ask is not None and result != Result.NOTHING_CHANGED:
        warnings.append(answer_with(announce(permit.own, result, SystemClock().now()), permit.ask))
    return "; ".join(warning for warning in warnings if warning)


def _give_back(held: holding.Held | None, answer: Callable[[Question], Answer] | None) -> str:
    """Give the lock back; returns what has to be said about it, or ""."""
    if held is None or answer is None:
        return ""
    if held.local is not None:
        held.local.release()
    problem = answer_with(locks.release(held.lease), answer) if held.lease is not None else ""
    return "; ".join(part for part in (held.warning, problem) if part)


def _show_intent(write: Write, facts: Facts, run: Mapping[str, Any]) -> PlaybookPermit:
    """Hold this write against the intent that posdeck has committed for it, and the cluster against the plan."""

    def refuse(rule: str, cause: str) -> RefusedError:
        return RefusedError(
            rule, write.subject, cause, "Start the run again from posdeck.", kubectl=write.kubectl
        )

    key = f"{write.resource.kind}/{write.name}"
    intent_id, path = str((run.get("intents") or {}).get(key) or ""), str(run.get("store") or "")
    try:
        with open_store(Path(path), SystemClock(), read_only=True) as store:
            intent, outcome = store.intent(intent_id), store.outcome_of(intent_id)
    except AuditError as error:
        raise refuse("record", f"the record cannot be read ({error})") from error
    if intent is None:
        raise refuse("record", f"there is no intent {intent_id or '(none)'} in the record")
    if outcome is not None:
        raise refuse("record", f"intent {intent_id} is settled already ({outcome.result})")
    if not _names(intent, write):
        raise refuse(
            "record",
            f"intent {intent_id} is to {intent.act} {intent.target.kind.lower()}/{intent.target.name} "
            f"in {intent.target.namespace}, not to {write.act.id} {write.subject} in {write.namespace}",
        )
    expected = Expected(intent.target.uid, intent.target.template_hash, (run.get("replicas") or {}).get(key))
    problem = _other_cluster(facts, run) or _other_target(write, facts, intent, expected)
    if problem:
        raise refuse("target-changed", problem)
    return PlaybookPermit(intent_id, expected, resource_version(facts.target))


def _other_target(write: Write, facts: Facts, intent: Intent, expected: Expected) -> str:
    """In words how the target is not the planned one, or "". One that is to be created was missing in the plan and
    is missing now; that it merely cannot be read is not enough."""
    creates = write.act.id == "apply" and not intent.target.uid
    if facts.target is None:
        if creates and facts.target_problem.startswith("404"):
            return ""
        return f"it cannot be read ({facts.target_problem})"
    return "it exists now, and did not when it was planned" if creates else expected.difference(facts.found)


def _names(intent: Intent, write: Write) -> bool:
    target = intent.target
    return (intent.act, target.kind, target.namespace, target.name) == (
        write.act.id,
        write.resource.kind,
        write.namespace,
        write.name,
    )


def _other_cluster(facts: Facts, run: Mapping[str, Any]) -> str:
    wanted = run.get("cluster") or {}
    found = facts.cluster
    if not found.reachable:
        return f"the cluster does not answer: {found.problem}"
    for what in ("server", "ca_digest", "namespace_uid", "cluster_uid"):
        planned, seen = str(wanted.get(what) or ""), getattr(found, what)
        if planned and planned != seen:
            return (
                f"this is another cluster than planned: its {what} is {seen or 'not readable'}, not {planned}"
            )
    return ""


def catalogue_of(folder: Path) -> Catalogue:
    """The catalogue in ``folder``, read once for a process and those that it forks as long as no file of it differs.
    Raises ContentError."""
    place = folder.resolve()
    if not place.is_dir():
        return read_catalogue(folder)  # which says what is wrong
    digest, known = folder_digest(place), _catalogues.get(place)
    if known is None or known[0] != digest:
        known = _catalogues[place] = digest, read_catalogue(folder)
    return known[1]


_catalogues: dict[Path, tuple[str, Catalogue]] = {}


def _pass_whole_gate(
    write: Write,
    facts: Facts,
    target: Target,
    host_vars: Mapping[str, Any],
    answer: Callable[[Question], Answer],
) -> PlaybookPermit:
    folder = str(host_vars.get("inventory_dir") or "")
    if not folder:
        raise ConfigurationError(
            "inventory", "the play has no inventory folder", "Run it with -i inventory/NAME."
        )
    catalogue = catalogue_of(Path(folder))
    environment = catalogue.environment
    settings = load_settings()
    state = state_folder()
    clock = SystemClock()
    standing = Standing(
        environment=environment.name,
        accept=environment.accept,
        policy=environment.policy,
        actor=os_actor(),
        place=os_place(context=target.context),
        process=this_process(),
        binding=read_bindings(state).get(environment.name),
        now=clock.now(),
    )
    parent = os.getppid()
    write = replace(
        write,
        bounds=bounds_of(catalogue, write.short),
        run_id=f"ansible-{parent}-{start_time(parent) or ''}",  # one run of Ansible is one act, on however many hosts
        playbook_digest=_playbook_digest(host_vars),
    )
    store = open_store(audit_path(settings), clock, Redactor(settings.redaction_patterns))
    try:
        return _hold_and_commit(write, facts, standing, store, state, answer, target)
    except BaseException:
        store.close()
        raise


def _hold_and_commit(
    write: Write,
    facts: Facts,
    standing: Standing,
    store: AuditStore,
    state: Path,
    answer: Callable[[Question], Answer],
    target: Target,
) -> PlaybookPermit:
    """The rules, the lock, the target once more, what has to be kept of it, and the intent."""
    known, _ = gate.examine(write, facts, standing, store)
    held = answer_with(holding.hold(write, facts, known, state, SystemClock().now), answer)
    if isinstance(held, Verdict):
        gate.refuse(write, facts, known, store, held)
    try:
        holding.record_lock(held, write, known, store)
        facts = answer_with(ask(write, target.server.url, facts.cluster.ca_digest), answer)
        kept = (
            answer_with(custody.collect(write, facts.target), answer) if custody.concerns_pods(write) else []
        )
        permit = gate.authorise(write, facts, standing, store)
        try:
            digests = tuple(store.save_evidence(permit.intent.id, k.name, k.text, k.media_type) for k in kept)
        except BaseException as error:
            message = f"the evidence could not be kept: {error}"
            gate.settle(permit, store, Result.NOTHING_CHANGED, message=message)
            raise
    except BaseException:
        _give_back(held, answer)
        raise
    return PlaybookPermit(
        permit.intent.id,
        facts.found,
        resource_version(facts.target),
        own=permit,
        store=store,
        ask=answer,
        evidence=digests,
        held=held,
    )


def _names_in(given: Any) -> tuple[str, ...]:
    """Contact ids from a list, or from text with commas."""
    parts = given if isinstance(given, list | tuple) else str(given or "").split(",")
    return tuple(name for name in (str(part).strip() for part in parts) if name)


def _playbook_digest(host_vars: Mapping[str, Any]) -> str:
    """The digest of the playbook that runs, or "" when its file cannot be read."""
    name = str(host_vars.get("playbook_file") or "")
    if not name:
        return ""
    try:
        return file_digest(Path(str(host_vars.get("playbook_dir") or ".")) / Path(name).name)
    except (OSError, ContentError):
        return ""
