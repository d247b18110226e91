"""YAML that remembers where each value stood, so that an error names file and line. What YAML 1.1 would
quietly turn into something else (yes, 010, 2026-01-01) is refused instead: people, Ansible and posdeck then
read the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from posdeck.errors import ContentError

LARGEST_FILE = 4 * 1024 * 1024
MEND = "Mend the line, or take the last version of the file that worked."

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+][0-9]+)?\Z")
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_VAULT_HEADER = "$ANSIBLE_VAULT;"

# libyaml is some twenty times faster; the plain loader reads the same
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Block(dict[str, Any]):
    """A mapping that knows its file and the line of each of its keys (from 1)."""

    def __init__(self, path: Path, line: int) -> None:
        super().__init__()
        self.path = path
        self.line = line
        self.lines: dict[str, int] = {}

    def line_of(self, key: str) -> int:
        """The line of ``key``; of the mapping itself when the key is absent."""
        return self.lines.get(key, self.line)

    def wrong(self, key: str, cause: str, remedy: str = "") -> ContentError:
        """The error to raise about ``key``."""
        return ContentError(self.path, self.line_of(key), cause, remedy)


class Row(list[Any]):
    """A sequence that knows its file and the line of each of its items."""

    def __init__(self, path: Path, line: int) -> None:
        super().__init__()
        self.path = path
        self.line = line
        self.lines: list[int] = []


class Encrypted(str):
    """A value encrypted with ansible-vault: kept as it stands, never opened here."""

    __slots__ = ()


def read_yaml(path: Path) -> Any:
    """The file's one document: Block, Row, or a plain scalar; None when it is empty. Raises ContentError."""
    return parse_yaml(_text(path), path)


def parse_yaml(text: str, path: Path) -> Any:
    """As read_yaml, from text; ``path`` is only for errors. A wholly encrypted file reads as Encrypted."""
    if text.startswith(_VAULT_HEADER):
        return Encrypted(text)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise ContentError(path, line, f"not valid YAML: {error.problem or error.context}", MEND) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ContentError(path, 0, f"not valid YAML: {str(error) or type(error).__name__}", MEND) from error
    finally:
        loader.dispose()
    if node is None:
        return None
    try:
        return _Reader(path).value(node)
    except RecursionError as error:
        raise ContentError(path, 0, "nested too deeply") from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ContentError(path, 0, f"larger than {LARGEST_FILE // 2**20} MiB; this is no inventory")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContentError(path, 0, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ContentError(path, line, "not UTF-8 text", "Save the file as UTF-8.") from error


class _Reader:
    """Turns nodes into values; an alias gives the same object again, so that no bomb can unfold."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made: dict[int, Any] = {}
        self._open: set[int] = set()

    def value(self, node: Any) -> Any:
        key = id(node)
        if key in self._made:
            return self._made[key]
        if key in self._open:
            raise self._wrong(node, "an alias that contains itself")
        self._open.add(key)
        if isinstance(node, yaml.MappingNode):
            made: Any = self._mapping(node)
        elif isinstance(node, yaml.SequenceNode):
            made = self._sequence(node)
        else:
            made = self._scalar(node)
        self._open.discard(key)
        self._made[key] = made
        return made

    def _mapping(self, node: Any) -> Block:
        if node.tag != f"{_TAG}map":
            raise self._wrong(node, f"the tag {_short(node.tag)} is not read here")
        block = Block(self._path, _line(node))
        merged: list[Any] = []
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                merged.extend(self._merged(value_node))
                continue
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != f"{_TAG}str":
                name = getattr(key_node, "value", "")
                raise self._wrong(key_node, f"the key {name} is not text", f'Quote it: "{name}".')
            key = str(key_node.value)
            if key in block:
                first = block.lines[key]
                raise self._wrong(key_node, f"the key {key} is given twice (first in line {first})")
            block[key] = self.value(value_node)
            block.lines[key] = _line(key_node)
        for source in merged:
            for key, value in source.items():
                if key not in block:
                    block[key] = value
                    block.lines[key] = source.lines[key]
        return block

    def _merged(self, node: Any) -> list[Block]:
        found = self.value(node)
        sources = list(found) if isinstance(found, Row) else [found]
        if not all(isinstance(s, Block) for s in sources):
            raise self._wrong(node, "<< takes a mapping or a list of mappings")
        return sources

    def _sequence(self, node: Any) -> Row:
        if node.tag != f"{_TAG}seq":
            raise self._wrong(node, f"the tag {_short(node.tag)} is not read here")
        row = Row(self._path, _line(node))
        for item in node.value:
            row.append(self.value(item))
            row.lines.append(_line(item))
        return row

    def _scalar(self, node: Any) -> Any:
        text, tag = str(node.value), str(node.tag)
        if tag in {f"{_TAG}str", "!unsafe"}:
            return text
        if tag in {"!vault", "!vault-encrypted"}:
            return Encrypted(text)
        if not node.style:
            if tag == f"{_TAG}null":
                return None
            if tag == f"{_TAG}bool" and text in _TRUE:
                return True
            if tag == f"{_TAG}bool" and text in _FALSE:
                return False
            if tag == f"{_TAG}int" and _INTEGER.match(text):
                return int(text)
            if tag == f"{_TAG}float" and _FLOAT.match(text):
                return float(text)
        if tag in {f"{_TAG}{t}" for t in ("bool", "int", "float", "timestamp", "value", "merge")}:
            remedy = f'Quote it ("{text}")'
            remedy += ", or write true or false." if tag == f"{_TAG}bool" else " to mean the text."
            raise self._wrong(node, f"{text} means different things to different readers of YAML", remedy)
        raise self._wrong(node, f"the tag {_short(tag)} is not read here")

    def _wrong(self, node: Any, cause: str, remedy: str = "") -> ContentError:
        return ContentError(self._path, _line(node), cause, remedy)


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _short(tag: str) -> str:
    return tag.replace(_TAG, "!!")
