"""Reads playbooks for the lint and for digests, without Ansible: which modules they use, what they would ask.

This is a reading of the text, so it refuses what it cannot see through (roles, dynamic file names, lookups).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from posdeck.errors import ContentError
from posdeck.runbooks.loading import compose

BUILT_IN_ALLOWED = frozenset({"assert", "debug", "set_fact", "fail", "include_tasks", "import_tasks", "meta"})
READ_ONLY = frozenset(
    {
        *(f"ansible.builtin.{name}" for name in BUILT_IN_ALLOWED),
        *(
            f"posdeck.k8s.{name}"
            for name in ("get", "pods", "logs", "events", "describe", "metrics", "rollout_wait")
        ),
        *(f"posdeck.k8s.{name}" for name in ("rollout_status", "history", "http_probe", "queue", "evidence")),
        *(f"kubernetes.core.{name}" for name in ("k8s_info", "k8s_log", "k8s_cluster_info", "helm_info")),
    }
)
_PREFIXES = ("posdeck.k8s.", "kubernetes.core.")

_TASK_KEYWORDS = frozenset(
    (
        *("action", "any_errors_fatal", "args", "async", "become", "become_exe", "become_flags"),
        *("become_method", "become_user", "changed_when", "check_mode", "collections", "connection"),
        *("debugger", "delay", "delegate_facts", "delegate_to", "diff", "environment", "failed_when"),
        *("ignore_errors", "ignore_unreachable", "listen", "local_action", "loop", "loop_control"),
        *(
            "module_defaults",
            "name",
            "no_log",
            "notify",
            "poll",
            "port",
            "register",
            "remote_user",
            "retries",
        ),
        *("run_once", "tags", "throttle", "timeout", "until", "vars", "when"),
    )
)
_BLOCK_PARTS = ("block", "rescue", "always")
_TASK_LISTS = ("pre_tasks", "tasks", "post_tasks", "handlers")
_INCLUDES = ("ansible.builtin.include_tasks", "ansible.builtin.import_tasks")
_LOOKUP = re.compile(r"\b(?:lookup|query|q)\s*\(")


@dataclass(frozen=True, slots=True)
class Use:
    """One module used at one line of one file."""

    module: str
    path: Path
    line: int


@dataclass(slots=True)
class PlaybookReading:
    """What a playbook and its task files use. ``trouble``: (path, line, rule, message, remedy)."""

    files: dict[Path, bytes] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    trouble: list[tuple[Path, int, str, str, str]] = field(default_factory=list)

    @property
    def writes(self) -> tuple[Use, ...]:
        """The uses of modules that may change the cluster."""
        return tuple(use for use in self.uses if use.module not in READ_ONLY)


def allowed(module: str) -> bool:
    """Whether a playbook may use this module, by its full name."""
    if module.startswith("ansible.builtin."):
        return module.removeprefix("ansible.builtin.") in BUILT_IN_ALLOWED
    return module.startswith(_PREFIXES)


def read_playbook(path: Path, root: Path) -> PlaybookReading:
    """Read a playbook inside ``root`` with all it includes. Raises ContentError when it is not YAML."""
    reader = _Reader(root.resolve())
    reader.read_file(path, plays=True)
    return reader.reading


class _Lenient(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # as in loading
    """Keeps every scalar as text: modules and keys matter here, values do not."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own class attribute


Pairs = list[tuple[str, int, yaml.Node]]


def _pairs(node: yaml.Node) -> Pairs:
    if not isinstance(node, yaml.MappingNode):
        return []
    return [(str(key.value), key.start_mark.line + 1, value) for key, value in node.value]


def _items(node: yaml.Node) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    stack: list[yaml.Node] = [node]
    seen: set[int] = set()
    while stack:
        each = stack.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, yaml.ScalarNode):
            yield each
        elif isinstance(each, yaml.MappingNode):
            stack.extend(part for pair in each.value for part in pair)
        elif isinstance(each, yaml.SequenceNode):
            stack.extend(each.value)


def _text(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _action_name(value: yaml.Node) -> str:
    for key, _, inner in _pairs(value):
        if key == "module":
            return _text(inner)
    return (_text(value).split() or [""])[0]


class _Reader:
    """Walks one playbook and what it includes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.reading = PlaybookReading()

    def read_file(self, path: Path, *, plays: bool) -> None:
        if path in self.reading.files:
            return
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise ContentError(path, 0, f"cannot be read: {error.strerror or error}") from error
        self.reading.files[path] = raw
        node = compose(path, raw, _Lenient)
        if node is None or not isinstance(node, yaml.SequenceNode):
            raise ContentError(path, 1, "is not a list of plays or tasks")
        for scalar in _scalars(node):
            if _LOOKUP.search(scalar.value):
                line = scalar.start_mark.line + 1
                remedy = "Take the value from a variable, or read it with posdeck.k8s.get."
                self._say(
                    path, line, "lookup", "uses a lookup, which can run anything on this machine", remedy
                )
        for item in _items(node):
            if plays:
                self._play(item, path)
            else:
                self._task(item, path)

    def _say(self, path: Path, line: int, rule: str, message: str, remedy: str) -> None:
        self.reading.trouble.append((path, line, rule, message, remedy))

    def _play(self, node: yaml.Node, path: Path) -> None:
        for key, line, value in _pairs(node):
            if key == "vars_prompt":
                self._say(
                    path, line, "prompts", "asks questions while it runs (vars_prompt)", "Use a parameter."
                )
            elif key in ("roles", "import_playbook", "ansible.builtin.import_playbook"):
                message = f"uses {key}, which is not looked into"
                self._say(path, line, "not-seen-through", message, "Write the tasks out.")
            elif key in _TASK_LISTS:
                for task in _items(value):
                    self._task(task, path)
            else:
                self._elsewhere(key, line, value, path)

    def _elsewhere(self, key: str, line: int, value: yaml.Node, path: Path) -> None:
        if key == "become" and _text(value).lower() not in ("false", "no"):
            self._say(path, line, "elsewhere", "asks for other rights (become)", "Remove it.")
        elif key == "connection" and _text(value) not in ("local", "ansible.builtin.local"):
            self._say(path, line, "elsewhere", "connects to other machines", "Use connection: local.")
        elif key == "delegate_to" and _text(value) not in ("localhost", "127.0.0.1"):
            self._say(path, line, "elsewhere", "delegates to another host", "Remove delegate_to.")

    def _task(self, node: yaml.Node, path: Path) -> None:
        for key, line, value in _pairs(node):
            if key in _BLOCK_PARTS:
                for task in _items(value):
                    self._task(task, path)
            elif key in ("action", "local_action"):
                self._use(_action_name(value), line, value, path)
            elif key.startswith("with_"):
                self._say(path, line, "lookup", f"loops by a lookup ({key})", "Use loop.")
            elif key in _TASK_KEYWORDS:
                self._elsewhere(key, line, value, path)
            else:
                self._use(key, line, value, path)

    def _use(self, name: str, line: int, value: yaml.Node, path: Path) -> None:
        module = name if "." in name else f"ansible.builtin.{name}"
        module = module.replace("ansible.legacy.", "ansible.builtin.", 1)
        self.reading.uses.append(Use(module, path, line))
        if module == "ansible.builtin.pause":
            self._say(path, line, "prompts", "stops to wait for a person (pause)", "Make it a decide step.")
        elif not allowed(module):
            builtin = ", ".join(sorted(BUILT_IN_ALLOWED))
            remedy = f"Allowed are posdeck.k8s.*, kubernetes.core.* and of ansible.builtin: {builtin}."
            self._say(path, line, "module-not-allowed", f"uses {module}", remedy)
        elif module in _INCLUDES:
            self._follow(line, value, path)

    def _follow(self, line: int, value: yaml.Node, path: Path) -> None:
        name = _text(value) or next((_text(inner) for key, _, inner in _pairs(value) if key == "file"), "")
        target = (path.parent / name).resolve()
        if not name or "{{" in name or not target.is_relative_to(self._root) or not target.is_file():
            message = f"includes {name or 'a file'} that cannot be found beside the playbooks"
            self._say(path, line, "not-seen-through", message, "Name an existing file, without variables.")
            return
        self.read_file(target, plays=False)
