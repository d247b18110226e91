"""Reads YAML so that nothing surprises: no yes/no booleans, dates, octals, anchors or tags; lines are kept.

Only ``null``, ``true``, ``false`` and JSON's numbers are more than text here.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from posdeck.errors import ContentError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from posdeck.runbooks.model import Runbook

MAX_BYTES = 512 * 1024
_MEND = "Mend the line, or take the last version of the file that worked."
_MAX_DEPTH = 40

Location = tuple[str | int, ...]

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _PlainLoader(_BASE):  # type: ignore[misc]  # the C loader where libyaml is there, else the Python one
    """Composes nodes with resolvers of our own."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own class attribute


for _tag, _pattern, _first in (
    ("null", r"null|~|", ["n", "~", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"-?(?:0|[1-9][0-9]*)", list("-0123456789")),
    ("float", r"-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?", list("-0123456789")),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML mapping with the line (from 1) of each of its values, by location."""

    path: Path
    content: Mapping[str, Any]
    lines: Mapping[Location, int]
    sha256: str = ""

    def line(self, location: Location) -> int:
        """The line of ``location``, or of the nearest thing around it."""
        for length in range(len(location), -1, -1):
            if location[:length] in self.lines:
                return self.lines[location[:length]]
        return 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a content file. ``rule`` is the lint rule's id; ``line`` counts from 1."""

    path: Path
    line: int
    rule: str
    message: str
    remedy: str = ""
    severity: str = "error"  # error, warning

    def __str__(self) -> str:
        tail = f". {self.remedy}" if self.remedy else ""
        return f"{self.path}:{self.line}: {self.rule}: {self.message}{tail}"


@dataclass(frozen=True, slots=True)
class LoadedRunbook:
    """A runbook with the document it was read from."""

    runbook: Runbook
    document: Document


@dataclass(frozen=True, slots=True)
class Library:
    """Every runbook of a folder that could be read, and what was wrong with the others."""

    folder: Path
    loaded: tuple[LoadedRunbook, ...] = ()
    problems: tuple[Problem, ...] = ()
    _by_id: Mapping[str, LoadedRunbook] = field(default_factory=dict, repr=False)

    @property
    def runbooks(self) -> tuple[Runbook, ...]:
        """The runbooks, by id."""
        return tuple(each.runbook for each in self.loaded)

    def get(self, runbook_id: str) -> Runbook | None:
        """The runbook of that id."""
        found = self._by_id.get(runbook_id)
        return found.runbook if found else None


def read_document(path: Path) -> Document:
    """Read one YAML file whose top is a mapping. Raises ContentError with the line."""
    raw = _read_bytes(path)
    root = compose(path, raw)
    if root is None or not isinstance(root, yaml.MappingNode):
        raise ContentError(path, 1, "the file is not a mapping", "Begin with apiVersion: runbook/v1.")
    lines: dict[Location, int] = {}
    content = _Builder(path, lines).build(root, ())
    return Document(path, content, lines, hashlib.sha256(raw).hexdigest())


def compose(path: Path, raw: bytes, loader: type[Any] = _PlainLoader) -> yaml.Node | None:
    """The node tree of one YAML document, as ContentError where it is not YAML."""
    try:
        instance = loader(raw)
        try:
            node: yaml.Node | None = instance.get_single_node()
        finally:
            instance.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        cause = error.problem or error.context or "not valid YAML"
        raise ContentError(path, mark.line + 1 if mark else 0, f"not valid YAML: {cause}", _MEND) from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise ContentError(path, 0, f"not valid YAML: {error}", _MEND) from error
    except RecursionError as error:
        raise ContentError(path, 0, "the YAML is nested too deeply") from error
    return node


def _read_bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ContentError(path, 0, f"cannot be read: {error.strerror or error}") from error
    if len(raw) > MAX_BYTES:
        raise ContentError(path, 0, f"is larger than {MAX_BYTES // 1024} KiB", "Split it.")
    return raw


class _Builder:
    """Plain Python values out of composed nodes, remembering lines and refusing what could mislead."""

    def __init__(self, path: Path, lines: dict[Location, int]) -> None:
        self._path = path
        self._lines = lines
        self._seen: set[int] = set()

    def build(self, node: yaml.Node, location: Location) -> Any:
        line = node.start_mark.line + 1
        self._lines.setdefault(location, line)
        if id(node) in self._seen:
            raise ContentError(
                self._path, line, "an anchor is used again", "Write the value out; anchors are refused."
            )
        self._seen.add(id(node))
        if len(location) > _MAX_DEPTH:
            raise ContentError(self._path, line, "the YAML is nested too deeply")
        if isinstance(node, yaml.MappingNode):
            self._expect(node, "map", line)
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            self._expect(node, "seq", line)
            return [self.build(part, (*location, index)) for index, part in enumerate(node.value)]
        return self._scalar(node, line)

    def _expect(self, node: yaml.Node, kind: str, line: int) -> None:
        if node.tag != f"tag:yaml.org,2002:{kind}":
            raise ContentError(
                self._path, line, f"the tag {node.tag} is not allowed", "Write the value without a tag."
            )

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._scalar(key_node, line) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                raise ContentError(self._path, line, "a key is not text", "Put the key in quotes.")
            if key in result:
                raise ContentError(self._path, line, f"the key {key!r} is given twice", "Keep one of them.")
            self._lines[(*location, key)] = line
            result[key] = self.build(value_node, (*location, key))
        return result

    def _scalar(self, node: yaml.Node, line: int) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind == "str":
            return node.value
        if node.value in ("", "~", "null") and kind == "null":
            return None
        try:
            if kind == "bool":
                return {"true": True, "false": False}[node.value]
            if kind == "int":
                return int(node.value)
            if kind == "float":
                return float(node.value)
        except (ValueError, KeyError):
            pass  # an explicit tag on a value that does not fit it: refused just below
        raise ContentError(
            self._path, line, f"the tag {node.tag} is not allowed", "Write the value without a tag."
        )


def load_runbook(path: Path) -> LoadedRunbook:
    """Read and validate one runbook file. Raises ContentError for the first thing that is wrong."""
    document = read_document(path)
    runbook, problems = parse(document)
    if runbook is None:
        first = problems[0]
        raise ContentError(path, first.line, first.message, first.remedy)
    return LoadedRunbook(runbook, document)


def parse(document: Document) -> tuple[Runbook | None, tuple[Problem, ...]]:
    """The runbook in a document, or every reason why there is none."""
    from pydantic import ValidationError

    from posdeck.runbooks.model import Runbook

    try:
        return Runbook.model_validate(document.content), ()
    except ValidationError as error:
        return None, tuple(_problems(document, error))


def runbook_files(folder: Path) -> list[Path]:
    """The runbook files of a folder and its subfolders, sorted."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in (".yml", ".yaml") and path.is_file() and not path.name.startswith(".")
    )


def load_library(folder: Path) -> Library:
    """Read every runbook of a folder; a file that is wrong becomes problems and does not stop the others."""
    loaded: dict[str, LoadedRunbook] = {}
    problems: list[Problem] = []
    for path in runbook_files(folder):
        try:
            document = read_document(path)
        except ContentError as error:
            problems.append(Problem(path, error.line or 1, "not-readable", error.cause, error.remedy))
            continue
        runbook, found = parse(document)
        problems.extend(found)
        if runbook is None:
            continue
        other = loaded.get(runbook.id)
        if other is not None:
            where = document.line(("metadata", "id"))
            message = f"the id {runbook.id} is already that of {other.document.path.name}"
            problems.append(Problem(path, where, "duplicate-id", message, "Choose another id."))
            continue
        loaded[runbook.id] = LoadedRunbook(runbook, document)
    by_id = dict(sorted(loaded.items()))
    return Library(folder, tuple(by_id.values()), tuple(problems), by_id)


def _problems(document: Document, error: ValidationError) -> Iterator[Problem]:
    # a misspelt key is also a missing one: the misspelling comes first
    for each in sorted(error.errors(include_url=False), key=lambda each: each["type"] == "missing"):
        location = _known_part(document, each["loc"])
        message, remedy = _in_words(each, location)
        yield Problem(document.path, document.line(location), "not-a-runbook", message, remedy)


def _known_part(document: Document, raw: tuple[str | int, ...]) -> Location:
    """Pydantic's location without the names of union members that it puts in between."""
    location: Location = ()
    for index, part in enumerate(raw):
        if (*location, part) in document.lines:
            location = (*location, part)
        elif index == len(raw) - 1 and isinstance(part, str):
            return (*location, part)
    return location


def _in_words(each: Mapping[str, Any], location: Location) -> tuple[str, str]:
    where = ".".join(str(part) for part in location) or "the file"
    kind = each["type"]
    if kind == "extra_forbidden":
        return f"{where}: this key is not known", _near_miss(str(location[-1]) if location else "")
    if kind == "missing":
        return f"{where} is missing", "Add it."
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return f"{where}: a step needs a type", "One of diagnose, decide, act, contact, done."
    message = str(each["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}", ""


def _near_miss(key: str) -> str:
    from pydantic import BaseModel

    from posdeck.runbooks import conditions, model

    known = sorted(
        {
            info.alias or name
            for cls in (*vars(model).values(), *vars(conditions).values())
            if isinstance(cls, type) and issubclass(cls, BaseModel)
            for name, info in cls.model_fields.items()
        }
    )
    close = difflib.get_close_matches(key, known, n=1)
    return f"Did you mean {close[0]}?" if close else "See docs/writing-a-runbook.md for what may stand here."
