"""Reads the few requests that kubectl insists on sending as protobuf: the reviews behind ``kubectl auth``.

The envelope is ``k8s\\0`` and a ``runtime.Unknown``; field numbers are those of the API's ``generated.proto`` files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from posdeck.simulator.status import bad_request

Json = dict[str, Any]
Schema = Mapping[
    int, "tuple[str, Schema | None]"
]  # number -> (name, schema of a message or None for a string)

MAGIC = b"k8s\x00"

_ATTRIBUTES: Schema = {
    1: ("namespace", None),
    2: ("verb", None),
    3: ("group", None),
    4: ("version", None),
    5: ("resource", None),
    6: ("subresource", None),
    7: ("name", None),
}
_SPEC: Schema = {
    1: ("resourceAttributes", _ATTRIBUTES),
    2: ("nonResourceAttributes", {1: ("path", None), 2: ("verb", None)}),
}
_TYPE: Schema = {1: ("apiVersion", None), 2: ("kind", None)}
_KINDS: Mapping[str, Schema] = {
    "SelfSubjectAccessReview": {2: ("spec", _SPEC)},
    "SelfSubjectRulesReview": {2: ("spec", {1: ("namespace", None)})},
    "SelfSubjectReview": {},
}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, content) of the length-delimited fields; the others are passed over."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        match tag & 7:
            case 0:
                _, at = _varint(data, at)
            case 1:
                at += 8
            case 5:
                at += 4
            case 2:
                size, at = _varint(data, at)
                yield tag >> 3, data[at : at + size]
                at += size
            case _:
                raise bad_request("the protobuf body cannot be read")


def _message(data: bytes, schema: Schema) -> Json:
    found: Json = {}
    for number, content in _fields(data):
        if number in schema:
            name, inner = schema[number]
            found[name] = content.decode() if inner is None else _message(content, inner)
    return found


def decode(raw: bytes) -> Json | None:
    """The object in a body, or None when it is of a kind that is not read here. Raises 400."""
    if not raw.startswith(MAGIC):
        return None
    try:
        envelope = dict(_fields(raw.removeprefix(MAGIC)))
        head = _message(envelope.get(1, b""), _TYPE)
        schema = _KINDS.get(head.get("kind", ""))
        return None if schema is None else {**head, **_message(envelope.get(2, b""), schema)}
    except (IndexError, UnicodeDecodeError) as error:
        raise bad_request(f"the protobuf body cannot be read: {error}") from None
