"""An object as the server has it, as YAML or described, line by line; managed fields folded at first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from posdeck.cluster.snapshot import Event
from posdeck.kubetext.ages import parse_time
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.podstatus import container_states, environment_lines, pod_lines
from posdeck.ui.scene import Scene
from posdeck.ui.tones import Tone

_LABEL = 31  # cells: terminationGracePeriodSeconds and its margin
_KEY = re.compile(r"^(\s*(?:- )*)([^\s:#'\"][^:]*)(:)(\s.*)?$")


def yaml_lines(obj: Mapping[str, Any], *, managed: bool = False) -> list[Line]:
    """The object as YAML, keys apart from values."""
    import yaml

    shown = dict(obj)
    folded = 0
    metadata = obj.get("metadata")
    if isinstance(metadata, Mapping) and not managed and "managedFields" in metadata:
        fields = metadata["managedFields"]
        folded = len(fields) if isinstance(fields, list) else 1
        shown["metadata"] = {k: v for k, v in metadata.items() if k != "managedFields"}
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(
        _encodable(shown),
        Dumper=dumper,
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
        default_flow_style=False,
    )
    lines = [_yaml_line(raw) for raw in text.splitlines()]
    if folded:
        lines.insert(0, ((f"# {folded} entries of managedFields folded: v unfolds them", Tone.DIM),))
    return lines


def _encodable(value: Any) -> Any:
    """Half of a character (a lone surrogate) would end the YAML writer."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    return [_encodable(each) for each in value] if isinstance(value, list) else value


def _yaml_line(raw: str) -> Line:
    found = _KEY.match(raw)
    if found is None:
        return ((plain(raw, 16_384), Tone.NORMAL),)
    indent, key, colon, value = found.groups()
    return (
        (indent, Tone.DIM),
        (plain(key), Tone.ACCENT),
        (colon, Tone.DIM),
        (plain(value or "", 16_384), Tone.NORMAL),
    )


def describe_lines(obj: Mapping[str, Any], scene: Scene) -> list[Line]:
    """The object for people: what it is, its containers, its conditions, its events."""
    metadata = _mapping(obj.get("metadata"))
    spec, status = _mapping(obj.get("spec")), _mapping(obj.get("status"))
    name, kind = str(metadata.get("name", "?")), str(obj.get("kind", "?"))
    created = parse_time(metadata.get("creationTimestamp"))
    lines: list[Line] = [
        _pair("Name", name),
        _pair("Kind", f"{kind} ({obj.get('apiVersion', '?')})"),
        _pair("Namespace", str(metadata.get("namespace", "–"))),
        _pair("Created", f"{metadata.get('creationTimestamp', '?')} ({scene.since(created)} ago)"),
        _pair("UID", str(metadata.get("uid", "–"))),
        _pair(
            "Generation",
            f"{metadata.get('generation', '–')} (observed {status.get('observedGeneration', '–')})",
        ),
        *_map_lines("Labels", _mapping(metadata.get("labels"))),
        *_map_lines("Annotations", _mapping(metadata.get("annotations"))),
    ]
    for title, values in (("WHAT IS WANTED", spec), ("WHAT IS", status)):
        plain_values = [(k, v) for k, v in values.items() if isinstance(v, str | int | float | bool)]
        if plain_values:
            lines += [(), ((title, Tone.HEADING),), *(_pair(f"  {k}", _word(v)) for k, v in plain_values)]
    template = _mapping(_mapping(spec.get("template")).get("spec")) or spec
    for title, key in (("INIT CONTAINERS", "initContainers"), ("CONTAINERS", "containers")):
        found = template.get(key)
        if isinstance(found, list) and found:
            lines += [(), ((title, Tone.HEADING),)]
            for container in found:
                lines += _container_lines(_mapping(container))
                lines += environment_lines(_mapping(container))
                lines += container_states(status, str(_mapping(container).get("name", "")), scene)
    if more := pod_lines(template):
        lines += [(), *more]
    conditions = status.get("conditions")
    if isinstance(conditions, list) and conditions:
        lines += [
            (),
            (("CONDITIONS", Tone.HEADING),),
            *(_condition_line(_mapping(c), scene) for c in conditions),
        ]
    about = [e for e in scene.snapshot.events.values() if e.about_name == name and e.about_kind in {kind, ""}]
    return [*lines, (), (("EVENTS", Tone.HEADING),), *event_lines(about, scene)]


def event_lines(events: Iterable[Event], scene: Scene) -> list[Line]:
    """Events, newest first; a line that says so when there are none."""
    ordered = sorted(events, key=lambda e: e.last_seen.timestamp() if e.last_seen else 0.0, reverse=True)
    lines: list[Line] = []
    for event in ordered[:50]:
        tone = Tone.NORMAL if event.type == "Normal" else Tone.WARN
        count = f" ×{event.count:,}" if event.count > 1 else ""
        lines.append(
            (
                (f"{scene.since(event.last_seen):>8}  ", Tone.DIM),
                (f"{plain(event.reason)}{count}  ", tone),
                (plain(event.message), Tone.NORMAL),
            )
        )
    return lines or [(("none in the last hour or so: the API server forgets them", Tone.DIM),)]


def _container_lines(container: Mapping[str, Any]) -> list[Line]:
    resources = _mapping(container.get("resources"))
    lines = [
        _pair(f"  {container.get('name', '?')}", str(container.get("image", "?"))),
        _pair("    requests", _flat(_mapping(resources.get("requests"))) or "none"),
        _pair("    limits", _flat(_mapping(resources.get("limits"))) or "none"),
    ]
    ports = container.get("ports")
    if isinstance(ports, list) and ports:
        listed = ", ".join(str(_mapping(p).get("containerPort", "?")) for p in ports)
        lines.append(_pair("    ports", listed))
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        found = _mapping(container.get(probe))
        if found:
            lines.append(_pair(f"    {probe.removesuffix('Probe')}", _flat(found)))
    return lines


def _condition_line(condition: Mapping[str, Any], scene: Scene) -> Line:
    status = str(condition.get("status", "?"))
    since = parse_time(condition.get("lastTransitionTime"))
    return (
        (f"  {plain(str(condition.get('type', '?'))):<24}", Tone.NORMAL),
        (f"{plain(status):<8}", Tone.STRONG),
        (f"{scene.since(since):>8}  ", Tone.DIM),
        (plain(f"{condition.get('reason', '')} {condition.get('message', '')}"), Tone.DIM),
    )


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _pair(label: str, text: str) -> Line:
    return ((f"{plain(label):<{_LABEL}} ", Tone.ACCENT), (plain(text), Tone.NORMAL))


def _map_lines(label: str, pairs: Mapping[str, Any]) -> list[Line]:
    shown = [f"{key}={value}" for key, value in pairs.items()] or ["none"]
    return [_pair(label if not index else "", text) for index, text in enumerate(shown)]


def _flat(value: Mapping[str, Any]) -> str:
    parts = []
    for key, inner in value.items():
        parts.append(f"{key}({_flat(inner)})" if isinstance(inner, Mapping) else f"{key}={inner}")
    return " ".join(parts)


def value_lines(value: object, indent: int = 0) -> list[Line]:
    """Any JSON value as indented lines: an audit record, for people."""
    pad = " " * indent
    if isinstance(value, Mapping):
        lines: list[Line] = []
        for key, inner in value.items():
            if isinstance(inner, Mapping | list) and inner:
                lines.append(((f"{pad}{plain(str(key))}", Tone.ACCENT),))
                lines += value_lines(inner, indent + 2)
            else:
                lines.append(
                    (
                        (f"{pad}{plain(str(key)):<{max(4, 26 - indent)}} ", Tone.ACCENT),
                        *_scalar(inner, indent),
                    )
                )
        return lines
    if isinstance(value, list):
        return [line for inner in value for line in _list_item(inner, indent)]
    return [((pad, Tone.NORMAL), *_scalar(value, indent))]


def _list_item(inner: object, indent: int) -> list[Line]:
    if isinstance(inner, Mapping | list):
        return [((" " * indent + "-", Tone.DIM),), *value_lines(inner, indent + 2)]
    return [((" " * indent + "- ", Tone.DIM), *_scalar(inner, indent))]


def _scalar(value: object, indent: int) -> Line:
    if value in (None, "", [], {}):
        return (("–", Tone.DIM),)
    text = str(value)
    tone = {"succeeded": Tone.GOOD, "failed": Tone.BAD, "refused": Tone.WARN, "unknown": Tone.BAD}.get(text)
    return ((plain(text, 16_384), tone or Tone.NORMAL),)
