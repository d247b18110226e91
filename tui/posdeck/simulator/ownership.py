"""Who owns which field: ``metadata.managedFields``, and the conflicts and removals of server-side apply.

A set of fields is a set of paths; a path is a tuple of elements written as the API writes them: ``f:spec``,
``k:{"name":"app"}``, ``v:"value"``, and ``.`` for the element itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from posdeck.simulator.jsontree import clone
from posdeck.simulator.status import StatusError
from posdeck.simulator.structure import Path, element_key, is_atomic, is_set, map_keys

Json = dict[str, Any]
FieldPath = tuple[str, ...]
Fields = set[FieldPath]

_UNOWNED = {
    ("f:apiVersion",),
    ("f:kind",),
    ("f:metadata", "f:name"),
    ("f:metadata", "f:namespace"),
    ("f:metadata", "f:uid"),
    ("f:metadata", "f:resourceVersion"),
    ("f:metadata", "f:generation"),
    ("f:metadata", "f:creationTimestamp"),
    ("f:metadata", "f:selfLink"),
    ("f:metadata", "f:deletionTimestamp"),
    ("f:metadata", "f:deletionGracePeriodSeconds"),
}

# In the API's Go types these are no pointers: even an empty object has them, so nobody adds them.
_ALWAYS_THERE = frozenset(
    tuple(path.split("."))
    for path in (
        "metadata",
        "spec",
        "status",
        "spec.template",
        "spec.template.metadata",
        "spec.template.spec",
        "spec.strategy",
        "spec.scaleTargetRef",
        "status.loadBalancer",
    )
)


def _key_element(identity: tuple[tuple[str, Any], ...]) -> str:
    return "k:" + orjson.dumps(dict(identity)).decode()


def fields_of(value: Any) -> dict[FieldPath, Any]:
    """Every owned field of an object with its value (for an element or an object that only exists: None)."""
    found: dict[FieldPath, Any] = {}
    _collect(value, (), (), found)
    return {
        p: v for p, v in found.items() if p not in _UNOWNED and p[:2] != ("f:metadata", "f:managedFields")
    }


def _collect(value: Any, at: FieldPath, names: Path, found: dict[FieldPath, Any]) -> None:
    if isinstance(value, dict) and value and not is_atomic(names):
        if at and names not in _ALWAYS_THERE:
            found[(*at, ".")] = None
        for key, inner in value.items():
            _collect(inner, (*at, f"f:{key}"), (*names, key), found)
    elif isinstance(value, list) and value and is_set(names):
        for inner in value:
            found[(*at, "v:" + orjson.dumps(inner).decode())] = inner
    elif isinstance(value, list) and value and (keys := map_keys(names)):
        identities = [element_key(inner, keys) for inner in value]
        if None in identities:
            found[at] = value
            return
        found[(*at, ".")] = None
        for identity, inner in zip(identities, value, strict=True):
            element = (*at, _key_element(identity or ()))
            found[(*element, ".")] = None
            for key, part in inner.items():
                _collect(part, (*element, f"f:{key}"), (*names, key), found)
    elif at:
        found[at] = value


def encode(fields: Fields) -> Json:
    """A set of fields as FieldsV1."""
    root: Json = {}
    for path in sorted(fields):
        node = root
        for element in path:
            node = node.setdefault(element, {})
    return root


def decode(tree: Json) -> Fields:
    """FieldsV1 as a set of fields."""
    found: Fields = set()

    def walk(node: Json, at: FieldPath) -> None:
        if not node and at:
            found.add(at)
        for element, inner in node.items():
            walk(inner, (*at, element))

    walk(tree, ())
    return found


class Owner(NamedTuple):
    """Whose entry it is. ``operation`` is Update or Apply."""

    manager: str
    operation: str
    subresource: str


def _entry(entries: list[Json], owner: Owner) -> Json | None:
    for entry in entries:
        if (entry.get("manager"), entry.get("operation"), entry.get("subresource", "")) == owner:
            return entry
    return None


def _with_entry(
    entries: list[Json], owner: Owner, fields: Fields, *, api_version: str, now: str, moved: bool = False
) -> list[Json]:
    """``moved`` says that a value changed: an update is stamped for that too, as the real server does."""
    kept = [e for e in entries if _entry([e], owner) is None]
    before = _entry(entries, owner)
    tree = encode(fields)
    if not moved and before is not None and before["fieldsV1"] == tree:
        return entries
    if not fields:
        return kept
    entry: Json = {
        "manager": owner.manager,
        "operation": owner.operation,
        "apiVersion": api_version,
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": tree,
    }
    if owner.subresource:
        entry["subresource"] = owner.subresource
    kept.append(entry)
    return kept


def _reduced(entries: list[Json], taken: Fields, keep: Json | None) -> list[Json]:
    """The entries without the fields in ``taken``, but for ``keep``; those left empty go."""
    result = []
    for entry in entries:
        if entry is not keep and taken:
            fields = decode(entry["fieldsV1"])
            left = fields - taken
            if not left:
                continue
            if left != fields:
                entry = {**entry, "fieldsV1": encode(left)}  # noqa: PLW2901
        result.append(entry)
    return result


def record_update(old: Json | None, new: Json, *, manager: str, subresource: str, now: str) -> None:
    """Give ``manager`` the fields in which ``new`` differs from ``old``, in ``new``'s managedFields, in place."""
    was = old or {}
    moved = [
        part for part in {*was, *new} if was.get(part) != new.get(part)
    ]  # most writes touch one part only
    before = fields_of({part: was[part] for part in moved if part in was})
    after = fields_of({part: new[part] for part in moved if part in new})
    changed = {p for p, v in after.items() if p not in before or before[p] != v}
    removed = set(before) - set(after)
    entries: list[Json] = list(was.get("metadata", {}).get("managedFields") or [])
    if changed or removed:
        owner = Owner(manager, "Update", subresource)
        own = _entry(entries, owner)
        fields = ((decode(own["fieldsV1"]) if own else set()) | changed) - removed
        stamped = _reduced(entries, {p for p in changed if p[-1] != "."} | removed, own)
        entries = _with_entry(stamped, owner, fields, api_version=new["apiVersion"], now=now, moved=True)
    if entries:
        new["metadata"]["managedFields"] = entries
    else:
        new["metadata"].pop("managedFields", None)


def _conflicts(live: Json, applied: dict[FieldPath, Any], owner: Owner) -> list[tuple[Json, Fields]]:
    """(entry of another manager, its fields that the applied configuration wants to change)."""
    have = fields_of(live)
    found = []
    for entry in live["metadata"].get("managedFields") or ():
        if _entry([entry], owner):
            continue
        theirs = decode(entry["fieldsV1"])
        clash = {p for p in theirs if p in applied and p[-1] != "." and p in have and have[p] != applied[p]}
        if clash:
            found.append((entry, clash))
    return found


def _dotted(path: FieldPath) -> str:
    text = ""
    for element in path:
        kind, _, body = element.partition(":")
        if kind == "f":
            text += f".{body}"
        elif kind == "k":
            inner = ",".join(f"{k}={orjson.dumps(v).decode()}" for k, v in orjson.loads(body).items())
            text += f"[{inner}]"
        elif kind == "v":
            text += f"[={body}]"
    return text


def _conflict_error(found: list[tuple[Json, Fields]]) -> StatusError:
    causes, lines, total = [], [], 0
    for entry, clash in found:
        for path in sorted(clash):
            total += 1
            message = f'conflict with "{entry["manager"]}"'
            if entry["operation"] == "Update":
                message += f' with subresource "{entry["subresource"]}"' if entry.get("subresource") else ""
                message += f" using {entry['apiVersion']} at {entry.get('time', '')}"
            causes.append({"reason": "FieldManagerConflict", "message": message, "field": _dotted(path)})
            lines.append(f"{message}: {_dotted(path)}")
    noun = "1 conflict" if total == 1 else f"{total} conflicts"
    body = lines[0] if total == 1 else "\n- ".join(["", *lines])
    return StatusError(
        409, "Conflict", f"Apply failed with {noun}: {body}".replace(": \n", ":\n"), {"causes": causes}
    )


def apply(live: Json | None, config: Json, owner: Owner, *, force: bool, now: str) -> Json:
    """Server-side apply of ``config`` onto ``live``. Raises 409 with every conflict unless ``force``."""
    # An applier owns the fields of a map, not the map; but it does own the elements of a list.
    applied = {p: v for p, v in fields_of(config).items() if p[-1] != "." or p[-2].startswith("k:")}
    base: Json = live if live is not None else {"metadata": {}}
    found = _conflicts(base, applied, owner)
    if found and not force:
        raise _conflict_error(found)
    entries: list[Json] = list(base["metadata"].get("managedFields") or [])
    own = _entry(entries, owner)
    previous = decode(own["fieldsV1"]) if own else set()
    lost = {id(entry): clash for entry, clash in found}
    entries = [left for e in entries for left in _reduced([e], lost.get(id(e), set()), None)]
    others: Fields = set().union(*(decode(e["fieldsV1"]) for e in entries if e is not own))
    merged: Json = _merged(base, config, ())
    _drop(merged, previous - set(applied) - others, others)
    merged.setdefault("metadata", {})
    entries = _with_entry(entries, owner, set(applied), api_version=config["apiVersion"], now=now)
    merged["metadata"]["managedFields"] = entries
    return merged


def _merged(live: Any, config: Any, names: Path) -> Any:
    if isinstance(config, dict) and isinstance(live, dict) and not is_atomic(names):
        result = dict(live)
        for key, value in config.items():
            result[key] = (
                _merged(live.get(key), value, (*names, key)) if key != "managedFields" else live.get(key)
            )
        return result
    if isinstance(config, list) and isinstance(live, list):
        if is_set(names):
            return list(live) + [v for v in config if v not in live]
        if keys := map_keys(names):
            return _merged_list(live, config, names, keys)
    return clone(config)


def _merged_list(live: list[Any], config: list[Any], names: Path, keys: tuple[str, ...]) -> list[Any]:
    wanted = {element_key(item, keys): item for item in config}
    have = {element_key(item, keys): item for item in live}
    result = [
        _merged(item, wanted[key], names) if (key := element_key(item, keys)) in wanted else item
        for item in live
    ]
    return result + [clone(item) for key, item in wanted.items() if key not in have]


def _drop(root: Json, gone: Fields, others: Fields) -> None:
    """Take the fields out of ``root``: first whole elements of lists that nobody else has a part in, then the rest.

    An object that lost its last field stays, empty, as a typed server keeps an empty struct; the keys of an element
    stay as long as the element does.
    """
    elements = [path[:-1] for path in gone if path[-1] == "." and path[-2].startswith("k:")]
    for path in sorted(elements):
        if not any(other[: len(path)] == path for other in others):
            _drop_one(root, path)
    for path in sorted(path for path in gone if path[-1] != "."):
        kind, _, body = path[-2].partition(":") if len(path) > 1 else ("", "", "")
        if kind != "k" or path[-1].removeprefix("f:") not in orjson.loads(body):
            _drop_one(root, path)


def _drop_one(root: Json, path: FieldPath) -> None:
    """Remove one field; every container on the way is copied, for it may belong to the stored object."""
    node: Any = root
    names: Path = ()
    for position, element in enumerate(path):
        kind, _, body = element.partition(":")
        last = position == len(path) - 1
        if kind == "f":
            names = (*names, body)
            if not isinstance(node, dict) or body not in node:
                return
            if last:
                del node[body]
                return
            node[body] = node[body].copy() if isinstance(node[body], (dict, list)) else node[body]
            node = node[body]
            continue
        if not isinstance(node, list):
            return
        index = _find(node, kind, body, names)
        if index is None:
            return
        if last:
            del node[index]
            return
        node[index] = node[index].copy()
        node = node[index]


def _find(items: list[Any], kind: str, body: str, names: Path) -> int | None:
    wanted = orjson.loads(body)
    if kind == "v":
        return next((i for i, item in enumerate(items) if item == wanted), None)
    keys = map_keys(names) or ()
    identity = tuple((key, wanted.get(key)) for key in keys)
    return next((i for i, item in enumerate(items) if element_key(item, keys) == identity), None)
