"""After a crash: what did an interrupted write leave? The cluster is asked, and the record gets its outcome."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from posdeck.audit.origin import process_alive, this_process
from posdeck.audit.record import Intent, Outcome, Result, Verification, intent_of
from posdeck.execution import orphans, process_tree
from posdeck.execution.process_tree import ProcessIdentity
from posdeck.execution.supervisor import RUN_FILE
from posdeck.kubetext.templates import restarted_at
from posdeck.operations.facts import Question, expected_of
from posdeck.operations.running import RUN, run_folders
from posdeck.operations.workshop import Workshop
from posdeck.operations.write import RESOURCES
from posdeck.runbooks.events import Changed
from posdeck.runbooks.plan import Plan, changes_between

ABANDONED = 3600.0  # seconds after which a folder that no run ever began in is taken away


def clear_runs(state: Path) -> set[str]:
    """End what is left of runs whose posdeck is gone, and remove their folders with the credentials in them.
    Returns the ids of runs of which something could not be ended: they may still write. Blocks."""
    running = set()
    for folder in sorted(p for p in run_folders(state).iterdir() if p.is_dir()):
        owner = _owner(folder / RUN / RUN_FILE)
        if owner is None and time.time() - folder.stat().st_mtime < ABANDONED:
            continue  # begun this moment, perhaps
        if owner is not None and process_tree.is_alive(owner):
            continue
        if orphans.sweep(folder.name, folder / RUN):
            running.add(folder.name)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return running


def _owner(path: Path) -> ProcessIdentity | None:
    try:
        return ProcessIdentity.from_json(json.loads(path.read_bytes()).get("owner"))
    except (OSError, ValueError, AttributeError):
        return None


async def what_it_left(
    workshop: Workshop, plan: Plan
) -> tuple[Changed, str, dict[str, Mapping[str, Any] | None]]:
    """Whether the changes of ``plan`` are in the cluster now: all of them, none, or it cannot be told; and the
    objects as they are ("Kind/name"; None for one that does not exist)."""
    found: list[bool] = []
    objects: dict[str, Mapping[str, Any] | None] = {}
    for planned in plan.objects:
        resource = RESOURCES[planned.kind]
        answer = await workshop.ask(Question("GET", resource.path(planned.namespace, planned.name)))
        if answer.status == 404:
            found.append(all(c.after is None for c in planned.changes))
            objects[f"{planned.kind}/{planned.name}"] = None
            continue
        if answer.status != 200:
            return Changed.UNKNOWN, f"{planned.name} cannot be read ({answer.status}): {answer.message()}", {}
        objects[f"{planned.kind}/{planned.name}"] = answer.json()
        now = {c.path: c.after for c in changes_between(None, answer.json())}
        found.append(all(now.get(c.path) == c.after for c in planned.changes))
    if not found:
        return Changed.UNKNOWN, "the plan names no object", {}
    if all(found):
        return Changed.YES, "the change is in the cluster", objects
    if not any(found):
        return Changed.NO, "the change did not reach the cluster", objects
    return Changed.UNKNOWN, f"{sum(found)} of {len(found)} objects were changed", objects


async def settle_orphans(workshop: Workshop, running: Collection[str] = ()) -> list[str]:
    """Settle every intent whose process is gone: ask the cluster and commit the outcome. Returns a line each.

    An intent of another cluster or namespace than the present one is left open, for whoever connects there; so
    is one of a run that is still ``running`` (run ids), since its write may yet land.
    """
    intents = [intent_of(r) for r in await workshop.record(lambda store: store.open_intents())]
    lines = []
    for intent in intents:
        if process_alive(intent.process) or not _same_place(workshop, intent):
            continue
        if intent.run_id in running:
            lines.append(f"{intent.act} {intent.target.short}: its run {intent.run_id} cannot be ended")
            continue
        result, message, after = await _judge(workshop, intent)
        outcome = Outcome(
            intent_id=intent.id,
            result=result,
            verification=Verification.CANNOT_TELL,
            generation_after=((after or {}).get("metadata") or {}).get("generation"),
            template_hash_after=expected_of(after).template_hash if after else "",
            message=message,
            settled=True,
            process=this_process(),
            actor=workshop.standing().actor,
        )
        await workshop.record(lambda store, o=outcome: store.append_outcome(o))  # type: ignore[misc]
        lines.append(f"{intent.act} {intent.target.short}: {result.value} ({message})")
    return lines


def _same_place(workshop: Workshop, intent: Intent) -> bool:
    here = workshop.cluster
    if intent.place.cluster_uid and here.cluster_uid:
        return (
            intent.place.cluster_uid == here.cluster_uid
            and intent.place.namespace == workshop.target.namespace
        )
    return intent.place.server == here.server and intent.place.namespace == workshop.target.namespace


async def _judge(workshop: Workshop, intent: Intent) -> tuple[Result, str, Mapping[str, Any] | None]:
    target = intent.target
    answer = await workshop.ask(Question("GET", RESOURCES[target.kind].path(target.namespace, target.name)))
    lost = "posdeck was lost during the run"
    if answer.status == 404 and intent.act in {"delete", "delete-pod"}:
        return Result.SUCCEEDED, f"{lost}; the object is gone", None
    if answer.status != 200:
        return Result.UNKNOWN, f"{lost}; the object cannot be read ({answer.status})", None
    after = answer.json()
    metadata = after.get("metadata") or {}
    if target.uid and metadata.get("uid") != target.uid:
        return Result.UNKNOWN, f"{lost}; another object has the name now", after
    if metadata.get("generation") == target.generation:
        return (
            Result.NOTHING_CHANGED,
            f"{lost}; the object is as it was (generation {target.generation})",
            after,
        )
    if _is_there(intent, after):
        return Result.SUCCEEDED, f"{lost}; the change is in the cluster", after
    return (
        Result.UNKNOWN,
        f"{lost}; the object changed since, but not as this act would have changed it",
        after,
    )


def _is_there(intent: Intent, after: Mapping[str, Any]) -> bool:
    spec = after.get("spec") or {}
    if intent.act == "rollout-restart":
        stamp = str(intent.parameters.get("restarted_at") or "")
        return bool(stamp) and restarted_at(spec.get("template")) == stamp
    if intent.act == "scale":
        return spec.get("replicas") == intent.parameters.get("replicas")
    if intent.act in {"rollout-pause", "rollout-resume"}:
        return bool(spec.get("paused")) is (intent.act == "rollout-pause")
    return False
