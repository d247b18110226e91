"""Where inventory, runbooks and playbooks are: a team's own folder, else the checkout, else what the package
ships. Each of the three is looked for by itself, so a team may bring an inventory and keep the playbooks."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from posdeck.errors import ConfigurationError

VARIABLE = "POSDECK_CONTENT"
KINDS = ("inventory", "runbooks", "playbooks")

_COLLECTIONS = "playbooks/collections"
_OURS = "ansible_collections/posdeck/k8s"  # a team's own folder of collections need not have it
_PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class ContentFolders:
    """The three folders, and ``collections`` for ANSIBLE_COLLECTIONS_PATH: the collection that the shipped
    playbooks need lies beside them, and a team's own playbooks elsewhere need it too."""

    inventory: Path
    runbooks: Path
    playbooks: Path
    collections: Path

    def environments(self) -> tuple[str, ...]:
        """The names of the environments: the folders of the inventory that hold a YAML file."""
        if not self.inventory.is_dir():
            return ()
        found = (p for p in sorted(self.inventory.iterdir()) if p.is_dir() and not p.name.startswith("."))
        return tuple(
            p.name for p in found if any(f.suffix in {".yml", ".yaml", ".json"} for f in p.iterdir())
        )

    def environment(self, name: str) -> Path:
        """The inventory folder of one environment; raises ConfigurationError."""
        names = self.environments()
        if name in names:
            return self.inventory / name
        near = difflib.get_close_matches(name, names, n=1)
        remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names) or 'none'}."
        raise ConfigurationError(f"environment {name!r}", f"there is none below {self.inventory}", remedy)

    def playbook(self, name: str) -> Path:
        """The playbook file of that name; raises ConfigurationError."""
        path = self.playbooks / name
        if Path(name).name != name or not path.is_file():
            raise ConfigurationError(f"playbook {name!r}", f"there is none in {self.playbooks}")
        return path


def find_content(overlays: Sequence[Path] = (), environ: Mapping[str, str] | None = None) -> ContentFolders:
    """Find the folders. Before the checkout and the package come POSDECK_CONTENT (folders separated as in
    PATH) and then ``overlays``. Raises ConfigurationError when an overlay is no folder or holds none of the
    three."""
    given = (os.environ if environ is None else environ).get(VARIABLE, "")
    chosen = [(Path(part).expanduser(), VARIABLE) for part in given.split(os.pathsep) if part]
    chosen += [(Path(overlay).expanduser(), "content") for overlay in overlays]
    roots = [_overlay(path, said_by) for path, said_by in chosen]
    roots += [root for root in (checkout(), _PACKAGE / "_shipped") if root is not None]
    found = {kind: _first(roots, kind) for kind in KINDS}
    return ContentFolders(
        inventory=found["inventory"],
        runbooks=found["runbooks"],
        playbooks=found["playbooks"],
        collections=_first([r for r in roots if (r / _COLLECTIONS / _OURS).is_dir()] or roots, _COLLECTIONS),
    )


def checkout() -> Path | None:
    """The root of the checkout that this package runs from, or None. It wins over the shipped copy, which in
    an editable install is as old as the installation."""
    root = _PACKAGE.parents[1]
    if (
        _PACKAGE.parent.name == "tui"
        and (root / "pyproject.toml").is_file()
        and (root / "inventory").is_dir()
    ):
        return root
    return None


def file_digest(path: Path) -> str:
    """sha256 of the file's bytes, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def folder_digest(folder: Path) -> str:
    """sha256 over name, size and bytes of every file below the folder; hidden files, backups and byte code
    are left out."""
    digest = hashlib.sha256()
    for path in _files(folder):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith(("~", ".pyc")) or path.name == "__pycache__":
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def _overlay(path: Path, said_by: str) -> Path:
    if not path.is_dir():
        raise ConfigurationError(str(path), f"no such folder, named by {said_by}", f"Correct {said_by}.")
    if not any((path / kind).is_dir() for kind in KINDS):
        raise ConfigurationError(
            str(path),
            f"named by {said_by}, and holds none of {', '.join(KINDS)}",
            "Name the folder above them.",
        )
    return path.resolve()


def _first(roots: Sequence[Path], kind: str) -> Path:
    for root in roots:
        if (root / kind).is_dir():
            return root / kind
    raise ConfigurationError(
        kind, "the folder is neither in a checkout nor in the package", "Install posdeck again."
    )
