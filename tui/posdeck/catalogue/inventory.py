"""An Ansible inventory folder, read and merged as Ansible does it, in milliseconds and without Ansible. A
test holds the result against ansible-inventory. What this reading cannot follow is refused, never skipped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posdeck.catalogue.located import Block, Encrypted, read_yaml
from posdeck.content import folder_digest
from posdeck.errors import ContentError

YAML_SUFFIXES = (".yml", ".yaml", ".json")
# what Ansible passes over in an inventory folder
IGNORED_SUFFIXES = (
    ".pyc",
    ".pyo",
    ".swp",
    ".bak",
    "~",
    ".rpm",
    ".md",
    ".txt",
    ".rst",
    ".orig",
    ".cfg",
    ".retry",
)
VARS_FOLDERS = ("group_vars", "host_vars", "vars_plugins")

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\Z")
_GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SECTIONS = ("hosts", "vars", "children")


@dataclass(frozen=True, slots=True)
class Value:
    """One variable and where it comes from."""

    value: Any
    path: Path
    line: int


Variables = dict[str, Value]


@dataclass(slots=True)
class InventoryGroup:
    """One group while reading; ``hosts`` and ``children`` are those named in it directly."""

    name: str
    path: Path
    line: int
    priority: int = 1
    depth: int = 0
    hosts: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    inline: Variables = field(default_factory=dict)
    files: Variables = field(default_factory=dict)


@dataclass(slots=True)
class InventoryHost:
    """One host: the groups that name it, its own variables, and all of them merged."""

    name: str
    path: Path
    line: int
    inline: Variables = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)  # with every ancestor but all, in merging order


@dataclass(slots=True)
class Inventory:
    """The folder as read. ``shared`` are the variables of group all."""

    folder: Path
    hosts: dict[str, InventoryHost] = field(default_factory=dict)
    groups: dict[str, InventoryGroup] = field(default_factory=dict)
    shared: Variables = field(default_factory=dict)
    digest: str = ""

    def members(self, group: str) -> list[str]:
        """Every host of the group and of its children, in the inventory's order."""
        wanted, todo = set[str](), [group]
        while todo:
            found = self.groups[todo.pop()]
            wanted.update(found.hosts)
            todo.extend(found.children)
        return [h for h in self.hosts if h in wanted]


def read_inventory(folder: Path) -> Inventory:
    """Read the folder as ``ansible-inventory -i folder`` would; raises ContentError."""
    if not folder.is_dir():
        raise ContentError(folder, 0, "no such inventory folder")
    inventory = Inventory(folder, digest=folder_digest(folder))
    inventory.groups["all"] = InventoryGroup("all", folder, 0)
    inventory.groups["ungrouped"] = InventoryGroup("ungrouped", folder, 0)
    sources = list(_sources(folder))
    if not sources:
        raise ContentError(folder, 0, "holds no inventory file", "Add a hosts.yml.")
    for path in sources:
        _read_source(inventory, path)
    _connect(inventory)
    _read_group_files(inventory)
    for host in inventory.hosts.values():
        _merge(inventory, host)
    shared = inventory.groups["all"]
    inventory.shared = {**shared.inline, **shared.files}
    return inventory


def _sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in VARS_FOLDERS or path.name.endswith(IGNORED_SUFFIXES):
            continue
        if path.is_dir():
            yield from _sources(path)
        elif path.suffix in YAML_SUFFIXES:
            yield path
        else:
            raise ContentError(
                path,
                0,
                "an inventory file that is not YAML",
                "posdeck reads .yml, .yaml and .json only; move it.",
            )


def _read_source(inventory: Inventory, path: Path) -> None:
    found = read_yaml(path)
    if isinstance(found, Encrypted):
        raise ContentError(
            path, 1, "an encrypted inventory file", "Encrypt only files below group_vars/host_vars."
        )
    if not isinstance(found, Block) or not found:
        raise ContentError(path, 1, "an inventory file is a mapping of groups")
    if "plugin" in found:
        raise found.wrong(
            "plugin", "the configuration of an inventory plugin is not read here", "Name the hosts."
        )
    for name, body in found.items():
        _read_group(inventory, name, body, found)


def _read_group(inventory: Inventory, name: str, body: Any, parent: Block) -> None:
    if not _GROUP.match(name):
        raise parent.wrong(name, f"{name!r} is no name for a group", "Use letters, digits and underscores.")
    group = inventory.groups.setdefault(name, InventoryGroup(name, parent.path, parent.line_of(name)))
    if not group.line:  # all and ungrouped are there before a file names them
        group.path, group.line = parent.path, parent.line_of(name)
    if body is None:
        return
    if not isinstance(body, Block):
        raise parent.wrong(name, f"the group {name} is not a mapping")
    for section, content in body.items():
        if section not in _SECTIONS:
            remedy = "A group has hosts, vars and children."
            raise body.wrong(section, f"{section!r} is not part of a group", remedy)
        if content is not None and not isinstance(content, Block):
            cause = f"{section} of group {name} is not a mapping"
            raise body.wrong(section, cause, "End each name with a colon.")
    _set_group_vars(group, body.get("vars"))
    children: Block | None = body.get("children")
    for child, content in children.items() if children else ():
        _read_group(inventory, child, content, children or body)
        if child not in group.children:
            group.children.append(child)
    hosts: Block | None = body.get("hosts")
    for host, content in hosts.items() if hosts else ():
        _read_host(inventory, group, host, content, hosts or body)


def _set_group_vars(group: InventoryGroup, found: Block | None) -> None:
    if found is None:
        return
    if "ansible_group_priority" in found:
        priority = found["ansible_group_priority"]
        if not isinstance(priority, int) or isinstance(priority, bool):
            raise found.wrong("ansible_group_priority", "the priority is not a whole number")
        group.priority = priority
    _add(group.inline, found, leave_out="ansible_group_priority")


def _read_host(inventory: Inventory, group: InventoryGroup, name: str, body: Any, parent: Block) -> None:
    if not _NAME.match(name):
        raise parent.wrong(
            name,
            f"{name!r} is no exact host name",
            "Ranges, patterns and ports are not read here; name each host.",
        )
    if body is not None and not isinstance(body, Block):
        raise parent.wrong(name, f"the host {name} is not a mapping of variables")
    host = inventory.hosts.setdefault(name, InventoryHost(name, parent.path, parent.line_of(name)))
    if name not in group.hosts:
        group.hosts.append(name)
    if body is not None:
        _add(host.inline, body)


def _add(into: Variables, found: Block, leave_out: str = "") -> None:
    for name, value in found.items():
        if name == leave_out:
            continue
        if not _VARIABLE.match(name):
            raise found.wrong(
                name, f"{name!r} is no name for a variable", "Use letters, digits and underscores."
            )
        into[name] = Value(value, found.path, found.line_of(name))


def _connect(inventory: Inventory) -> None:
    groups = inventory.groups
    for group in groups.values():
        for child in group.children:
            groups[child].parents.append(group.name)
    for group in groups.values():
        if group.name != "all" and not group.parents:
            groups["all"].children.append(group.name)
            group.parents.append("all")
    _set_depths(inventory)
    for conflict in inventory.hosts.keys() & groups.keys():
        host = inventory.hosts[conflict]
        raise ContentError(host.path, host.line, f"{conflict} names a host and a group", "Rename the group.")
    grouped = {h for g in groups.values() if g.name not in {"all", "ungrouped"} for h in g.hosts}
    ungrouped = groups["ungrouped"]
    ungrouped.hosts = [h for h in inventory.hosts if h not in grouped]


def _set_depths(inventory: Inventory) -> None:
    """The longest way from all; more steps than there are groups mean a circle."""
    todo = [("all", 0)]
    while todo:
        name, depth = todo.pop()
        group = inventory.groups[name]
        if depth > len(inventory.groups):
            raise ContentError(group.path, group.line, f"the group {name} is its own ancestor")
        if depth > group.depth or name == "all":
            group.depth = depth
            todo.extend((child, depth + 1) for child in group.children)
    for group in inventory.groups.values():
        if group.depth == 0 and group.name != "all":
            raise ContentError(group.path, group.line, f"the group {group.name} is its own ancestor")


def _read_group_files(inventory: Inventory) -> None:
    base = inventory.folder / "group_vars"
    for group in inventory.groups.values():
        group.files = _vars_files(base, group.name)
    _refuse_strangers(base, inventory.groups, "group")
    _refuse_strangers(inventory.folder / "host_vars", inventory.hosts, "host")


def _refuse_strangers(base: Path, known: Iterable[str], what: str) -> None:
    """A file for a host or group that does not exist is a misspelt name: Ansible would pass over it in
    silence."""
    names = set(known)
    for path in sorted(base.iterdir()) if base.is_dir() else ():
        name = path.name if path.is_dir() or path.suffix not in YAML_SUFFIXES else path.stem
        if name not in names and not path.name.startswith(".") and not path.name.endswith("~"):
            raise ContentError(
                path, 0, f"there is no {what} {name}", f"Rename it after a {what} of the inventory."
            )


def _vars_files(base: Path, name: str) -> Variables:
    found: Variables = {}
    for path in _find_vars_files(base, name):
        content = read_yaml(path)
        if content is None or isinstance(content, Encrypted):
            continue  # an encrypted file serves a team's own playbooks; posdeck needs no secret
        if not isinstance(content, Block):
            raise ContentError(path, 1, "a file of variables is a mapping")
        _add(found, content)
    return found


def _find_vars_files(base: Path, name: str) -> list[Path]:
    """The folder or the file without suffix first; then exactly one of the suffixes, as Ansible does."""
    folder = base / name
    if folder.is_dir():
        return list(_folder_files(folder))
    for path in (folder, *(base / f"{name}{suffix}" for suffix in YAML_SUFFIXES)):
        if path.is_file():
            return [path]
    return []


def _folder_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir() and not path.suffix:
            yield from _folder_files(path)
        elif path.is_file() and (not path.suffix or path.suffix in YAML_SUFFIXES):
            yield path


def _merge(inventory: Inventory, host: InventoryHost) -> None:
    """Ansible's order: all inline, groups inline, all from files, groups from files, host inline, host from
    files. Groups go by depth, then priority, then name."""
    groups = inventory.groups
    found = set[str]()
    todo = [g.name for g in groups.values() if host.name in g.hosts]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(groups[name].parents)
    found.discard("all")
    ordered = sorted(found, key=lambda n: (groups[n].depth, groups[n].priority, n))
    layers: list[Variables] = [groups["all"].inline]
    layers += [groups[n].inline for n in ordered]
    layers += [groups["all"].files]
    layers += [groups[n].files for n in ordered]
    layers += [host.inline, _vars_files(inventory.folder / "host_vars", host.name)]
    host.groups = ordered
    for layer in layers:
        host.variables.update(layer)
