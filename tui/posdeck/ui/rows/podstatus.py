"""What the kubelet says of a pod's containers, for describe: how each is, how it was before, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posdeck.kubetext.ages import parse_time
from posdeck.kubetext.fields import items, mapping
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.scene import Scene
from posdeck.ui.tones import Tone

_PARTS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


def container_states(status: Mapping[str, Any], name: str, scene: Scene) -> list[Line]:
    """State, last state, readiness and restarts of the container ``name``; nothing when none was reported."""
    for part in _PARTS:
        for each in items(status.get(part)):
            if each.get("name") == name:
                return _lines(each, scene)
    return []


def environment_lines(container: Mapping[str, Any]) -> list[Line]:
    """Names and (redacted) values, or where they come from."""
    lines: list[Line] = []
    for each in items(container.get("env")):
        source = mapping(each.get("valueFrom"))
        told = " ".join(f"{kind}({_flat(mapping(ref))})" for kind, ref in source.items())
        lines.append(
            _pair("    env" if not lines else "", f"{each.get('name', '?')}={told or each.get('value', '')}")
        )
    for each in items(container.get("envFrom")):
        told = " ".join(f"{kind}({_flat(mapping(ref))})" for kind, ref in each.items() if kind != "prefix")
        lines.append(_pair("    env from", f"{each.get('prefix', '')}{told}"))
    return lines


def pod_lines(spec: Mapping[str, Any]) -> list[Line]:
    """Volumes and tolerations."""
    lines: list[Line] = []
    for volume in items(spec.get("volumes")):
        source = next((f"{k}({_flat(mapping(v))})" for k, v in volume.items() if k != "name"), "?")
        lines.append(_pair("Volumes" if not lines else "", f"{volume.get('name', '?')} = {source}"))
    first = True
    for each in items(spec.get("tolerations")):
        lines.append(_pair("Tolerations" if first else "", _flat(each)))
        first = False
    return lines


def _lines(status: Mapping[str, Any], scene: Scene) -> list[Line]:
    ready = bool(status.get("ready"))
    return [
        _state("    state", mapping(status.get("state")), scene),
        *([_state("    last state", last, scene)] if (last := mapping(status.get("lastState"))) else []),
        _pair("    ready", f"{'yes' if ready else 'NO'}, {status.get('restartCount', 0)} restarts"),
    ]


def _state(label: str, state: Mapping[str, Any], scene: Scene) -> Line:
    name, inner = next(((k, mapping(v)) for k, v in state.items()), ("unknown", {}))
    parts = [name]
    if inner.get("reason"):
        parts.append(str(inner["reason"]))
    if "exitCode" in inner:
        parts.append(f"exit code {inner['exitCode']}")
    if inner.get("signal"):
        parts.append(f"signal {inner['signal']}")
    for key, word in (("startedAt", "since"), ("finishedAt", "until")):
        if inner.get(key):
            moment = parse_time(inner[key])
            parts.append(f"{word} {inner[key]} ({scene.since(moment)} ago)")
    if inner.get("message"):
        parts.append(str(inner["message"]))
    bad = name == "waiting" or (name == "terminated" and inner.get("exitCode") not in (0, None))
    return ((f"{label:<26} ", Tone.ACCENT), (plain(", ".join(parts)), Tone.BAD if bad else Tone.NORMAL))


def _pair(label: str, text: str) -> Line:
    return ((f"{plain(label):<26} ", Tone.ACCENT), (plain(text), Tone.NORMAL))


def _flat(value: Mapping[str, Any]) -> str:
    return " ".join(f"{k}={v if not isinstance(v, list | dict) else '…'}" for k, v in value.items())
