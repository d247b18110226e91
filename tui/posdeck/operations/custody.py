"""What is kept of the pods before they go: a restart or deletion destroys logs that nobody can bring back.

Written as questions and answers, like the gate's facts, so that posdeck and an Ansible plugin keep the same.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from posdeck.operations.facts import Answer, Question
from posdeck.operations.write import Write

LOG_LIMIT = 8 << 20  # bytes per container and stream; more says so in the text


@dataclass(frozen=True, slots=True)
class Kept:
    """One text to keep: not yet redacted, the store does that."""

    name: str
    text: str
    media_type: str = "text/plain"


Keeping = Generator[Question, Answer, list[Kept]]


def collect(write: Write, target: Mapping[str, Any] | None) -> Keeping:
    """The object, its pods, their current and previous logs, and the events about them.

    What cannot be read is kept as the sentence that says so; nothing here raises.
    """
    if target is None:
        return []
    kept = [_manifest(write.subject, target)]
    if write.resource.kind == "Pod":
        pods: list[Mapping[str, Any]] = [target]
    else:
        pods, problem = yield from _pods(write.namespace, target)
        if problem:
            kept.append(Kept("pods", problem))
    about = [str((target.get("metadata") or {}).get("name") or write.name)]
    for pod in pods:
        name = str((pod.get("metadata") or {}).get("name") or "")
        about.append(name)
        if pod is not target:
            kept.append(_manifest(f"pod/{name}", pod))
        kept.extend((yield from _logs(write.namespace, name, pod)))
    kept.append((yield from _events(write.namespace, about)))
    return kept


def concerns_pods(write: Write) -> bool:
    """Whether this write ends pods, so that their logs must be kept first."""
    return write.act.id in {"rollout-restart", "rollout-undo", "delete-pod", "delete"} or (
        write.act.id == "scale" and isinstance(write.parameters.get("replicas"), int)
    )


def _pods(
    namespace: str, target: Mapping[str, Any]
) -> Generator[Question, Answer, tuple[list[Mapping[str, Any]], str]]:
    selector = ((target.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    if not selector:
        return [], ""
    query = urlencode({"labelSelector": ",".join(f"{k}={v}" for k, v in sorted(selector.items()))})
    answer = yield Question("GET", f"/api/v1/namespaces/{namespace}/pods?{query}")
    if answer.status != 200:
        return [], f"the pods could not be read ({answer.status}): {answer.message()}"
    items = answer.json().get("items") or []
    return [p for p in items if isinstance(p, dict)], ""


def _logs(namespace: str, name: str, pod: Mapping[str, Any]) -> Generator[Question, Answer, list[Kept]]:
    statuses = {
        str(s.get("name")): s
        for key in ("initContainerStatuses", "containerStatuses")
        for s in (pod.get("status") or {}).get(key) or ()
        if isinstance(s, dict)
    }
    kept: list[Kept] = []
    spec = pod.get("spec") or {}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        inner = str(container.get("name") or "")
        restarted = int((statuses.get(inner) or {}).get("restartCount") or 0) > 0
        for previous in (False, True) if restarted else (False,):
            parameters = {"container": inner, "timestamps": "true", "limitBytes": str(LOG_LIMIT)}
            if previous:
                parameters["previous"] = "true"
            path = f"/api/v1/namespaces/{namespace}/pods/{quote(name, safe='')}/log?{urlencode(parameters)}"
            answer = yield Question("GET", path)
            label = f"logs {name}/{inner}{' (previous)' if previous else ''}"
            kept.append(Kept(label, _log_text(answer)))
    return kept


def _log_text(answer: Answer) -> str:
    if answer.status != 200:
        return f"the log could not be read ({answer.status}): {answer.message()}"
    text = answer.body.decode("utf-8", "replace")
    if len(answer.body) >= LOG_LIMIT:
        text += f"\n… cut at {LOG_LIMIT} bytes; the rest was not kept"
    return text


def _events(namespace: str, about: list[str]) -> Generator[Question, Answer, Kept]:
    answer = yield Question("GET", f"/api/v1/namespaces/{namespace}/events?limit=500")
    if answer.status != 200:
        return Kept("events", f"the events could not be read ({answer.status}): {answer.message()}")
    found = [
        e
        for e in answer.json().get("items") or ()
        if isinstance(e, dict) and (e.get("involvedObject") or {}).get("name") in about
    ]
    for event in found:
        (event.get("metadata") or {}).pop("managedFields", None)
    return Kept("events", json.dumps(found, indent=1, sort_keys=True), "application/json")


def _manifest(label: str, found: Mapping[str, Any]) -> Kept:
    cleaned = {
        **found,
        "metadata": {k: v for k, v in (found.get("metadata") or {}).items() if k != "managedFields"},
    }
    return Kept(f"manifest {label}", json.dumps(cleaned, indent=1, sort_keys=True), "application/json")
