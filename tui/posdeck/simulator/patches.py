"""JSON patch (RFC 6902), JSON merge patch (RFC 7386) and Kubernetes' strategic merge patch.

Every function returns a new value and leaves its arguments alone.
"""

from __future__ import annotations

from typing import Any

from posdeck.simulator.jsontree import clone
from posdeck.simulator.status import StatusError, bad_request
from posdeck.simulator.structure import Path, is_set, strategic_key

Json = dict[str, Any]


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: null deletes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return clone(patch)
    result: Json = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def _unprocessable(message: str) -> StatusError:
    return StatusError(
        422, "Invalid", f"the server rejected our request due to an error in our request: {message}"
    )


def _pointer(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise bad_request(f"json pointer {path!r} does not start with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _step(parent: Any, part: str, path: str) -> Any:
    if isinstance(parent, dict) and part in parent:
        return parent[part]
    if isinstance(parent, list) and part.isdigit() and int(part) < len(parent):
        return parent[int(part)]
    raise _unprocessable(f"doc is missing path: {path}: missing value")


def _walk(document: Any, parts: list[str], path: str) -> Any:
    for part in parts:
        document = _step(document, part, path)
    return document


def _add(parent: Any, part: str, value: Any, path: str) -> None:
    if isinstance(parent, dict):
        parent[part] = value
    elif isinstance(parent, list) and part == "-":
        parent.append(value)
    elif isinstance(parent, list) and part.isdigit() and int(part) <= len(parent):
        parent.insert(int(part), value)
    else:
        raise _unprocessable(f"doc is missing path: {path}")


def _remove(parent: Any, part: str, path: str) -> Any:
    value = _step(parent, part, path)
    if isinstance(parent, list):
        del parent[int(part)]
    else:
        del parent[part]
    return value


def _operate(root: Json, operation: Json) -> None:
    """One operation on ``root`` = {"": document}, so that the whole document has a parent too."""
    op, path = operation.get("op"), str(operation.get("path", ""))
    parts = ["", *_pointer(path)]
    if op == "test":
        if _walk(root, parts, path) != operation.get("value"):
            raise _unprocessable(f"testing value {path} failed")
        return
    if op == "remove":
        _remove(_walk(root, parts[:-1], path), parts[-1], path)
        return
    if op in ("move", "copy"):
        source = str(operation.get("from", ""))
        origin = ["", *_pointer(source)]
        value = clone(_walk(root, origin, source))
        if op == "move":
            _remove(_walk(root, origin[:-1], source), origin[-1], source)
        _add(_walk(root, parts[:-1], path), parts[-1], value, path)
        return
    if op not in ("add", "replace"):
        raise bad_request(f"Unexpected kind: {op}")
    parent = _walk(root, parts[:-1], path)
    if op == "replace":
        _step(parent, parts[-1], path)
        if isinstance(parent, list):
            parent[int(parts[-1])] = clone(operation.get("value"))
            return
    _add(parent, parts[-1], clone(operation.get("value")), path)


def json_patch(target: Any, operations: Any) -> Any:
    """RFC 6902. A failed operation raises 422, a malformed one 400."""
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    root: Json = {"": clone(target)}
    for operation in operations:
        if not isinstance(operation, dict):
            raise bad_request("an operation of a JSON patch is an object")
        _operate(root, operation)
    return root[""]


def strategic_merge(target: Any, patch: Json, path: Path = ()) -> Any:
    """A strategic merge patch: lists with a merge key merge by it; knows $patch, $retainKeys, $deleteFromPrimitiveList
    and $setElementOrder."""
    directive = patch.get("$patch")
    if directive == "replace":
        return {k: clone(v) for k, v in patch.items() if k != "$patch"}
    if directive == "delete":
        return {}
    retained = patch.get("$retainKeys")
    current = target.items() if isinstance(target, dict) else ()
    result: Json = {k: v for k, v in current if not isinstance(retained, list) or k in retained}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            result[name] = [v for v in result.get(name) or [] if v not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = strategic_merge(result.get(key), value, (*path, key))
        elif isinstance(value, list):
            result[key] = _merge_list(result.get(key), value, (*path, key))
        else:
            result[key] = value
    for key, order in patch.items():
        name = key.removeprefix("$setElementOrder/")
        if name != key and isinstance(result.get(name), list):
            result[name] = _ordered(result[name], order, (*path, name))
    return result


def _merge_list(target: Any, patch: list[Any], path: Path) -> list[Any]:
    current: list[Any] = list(target) if isinstance(target, list) else []
    if is_set(path):
        return current + [value for value in patch if value not in current]
    key = strategic_key(path)
    if key is None or not all(isinstance(item, dict) for item in patch):
        return _plain(patch)
    if any(item.get("$patch") == "replace" for item in patch):
        return _plain([item for item in patch if item.get("$patch") != "replace"])
    for item in patch:
        if item.get("$patch") == "delete" and key in item:
            current = [have for have in current if have.get(key) != item[key]]
            continue
        if key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        index = next((i for i, have in enumerate(current) if have.get(key) == item[key]), None)
        if index is None:
            current.append(strategic_merge({}, item, path))
        else:
            current[index] = strategic_merge(current[index], item, path)
    return current


def _plain(items: list[Any]) -> list[Any]:
    return [
        {k: clone(v) for k, v in i.items() if not k.startswith("$")} if isinstance(i, dict) else i
        for i in items
    ]


def _ordered(items: list[Any], order: list[Any], path: Path) -> list[Any]:
    """``items`` with those named in ``order`` in that order; the others keep the place behind their neighbour."""
    key = strategic_key(path)
    wanted = [entry.get(key) if isinstance(entry, dict) and key else entry for entry in order]
    rank = {str(value): position for position, value in enumerate(wanted)}

    def identity(item: Any) -> str:
        return str(item.get(key) if isinstance(item, dict) and key else item)

    listed = sorted((i for i in items if identity(i) in rank), key=lambda i: rank[identity(i)])
    replacement = iter(listed)
    return [next(replacement) if identity(item) in rank else item for item in items]
