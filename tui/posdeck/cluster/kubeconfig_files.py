"""Kubeconfig files as read, each value with its file and line, so that a mistake can be pointed at."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posdeck.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Entry:
    """One named cluster, user or context of a file. ``node`` is its YAML node, kept for line numbers."""

    name: str
    path: Path
    values: dict[str, Any] = field(repr=False)
    node: Any = field(repr=False)

    def text(self, key: str) -> str:
        """The string at ``key``, "" when it is not there. Raises ConfigurationError for another type."""
        value = self.values.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return str(value)  # an unquoted number as a name or password
            raise self.error(key, f"{key} is no text", "")
        return value

    def flag(self, key: str) -> bool:
        """The boolean at ``key``. Raises ConfigurationError for another type: "no" must not read as yes."""
        value = self.values.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self.error(key, f"{key} is {value!r}, neither true nor false", "Write true or false.")

    def texts(self, key: str) -> list[str]:
        """The list of strings at ``key``."""
        value = self.values.get(key) or []
        if not isinstance(value, list):
            raise self.error(key, f"{key} is no list", "")
        return [str(item) for item in value]

    def mapping(self, key: str) -> dict[str, Any]:
        """The mapping at ``key``, empty when it is not there."""
        value = self.values.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.error(key, f"{key} is no mapping", "")
        return value

    def mappings(self, key: str) -> list[dict[str, Any]]:
        """The mappings of the list at ``key``."""
        value = self.values.get(key)
        return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

    def resolve(self, name: str) -> Path:
        """A path as meant in this file: relative to its folder."""
        return Path(self.path.absolute().parent, name)

    def error(self, key: str, cause: str, remedy: str) -> ConfigurationError:
        """An error that points at ``key`` of this entry."""
        return ConfigurationError(f"{self.path}:{_line(_child(self.node, key) or self.node)}", cause, remedy)


@dataclass(frozen=True, slots=True)
class File:
    """One kubeconfig file."""

    path: Path
    values: dict[str, Any] = field(repr=False)
    node: Any = field(repr=False)

    @property
    def current_context(self) -> str:
        value = self.values.get("current-context")
        return value if isinstance(value, str) else ""

    def line(self, key: str) -> int:
        """The line of the top-level ``key``, from 1."""
        return _line(_child(self.node, key) or self.node)

    def entries(self, section: str, inner: str) -> dict[str, Entry]:
        """The named entries of a section. Raises ConfigurationError on odd shapes and repeated names."""
        listed = self.values.get(section)
        if listed is None:
            return {}
        node = _child(self.node, section)
        if not isinstance(listed, list):
            raise self._wrong(node, f"{section} is no list")
        found: dict[str, Entry] = {}
        for item, item_node in zip(listed, node.value, strict=True):
            if not isinstance(item, dict) or not isinstance(item.get("name"), str):
                raise self._wrong(item_node, f"an entry of {section} has no name")
            content = item.get(inner)
            if content is None:
                content = {}
            if not isinstance(content, dict):
                raise self._wrong(item_node, f"the {inner} {item['name']!r} is no mapping")
            if item["name"] in found:
                raise self._wrong(item_node, f"the {inner} {item['name']!r} is defined twice")
            found[item["name"]] = Entry(
                item["name"], self.path, content, _child(item_node, inner) or item_node
            )
        return found

    def _wrong(self, node: Any, cause: str) -> ConfigurationError:
        return ConfigurationError(f"{self.path}:{_line(node)}", cause, "Compare `kubectl config view`.")


def read_files(paths: list[Path], *, must_exist: bool) -> list[File]:
    """The files that exist, in order. Raises ConfigurationError for one that cannot be read or is no YAML."""
    files = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            if must_exist:
                raise ConfigurationError(
                    str(path), "the kubeconfig does not exist", "Check --kubeconfig."
                ) from None
            continue
        except (OSError, UnicodeDecodeError) as error:
            cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ConfigurationError(str(path), f"the kubeconfig cannot be read ({cause})", "") from None
        file = _parse(path, text)
        if file is not None:
            files.append(file)
        elif must_exist:
            raise ConfigurationError(str(path), "the kubeconfig is empty", "Log in again, or use a copy.")
    return files


def _parse(path: Path, text: str) -> File | None:
    import yaml

    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = loader_class(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        values = loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigurationError(
            f"{path}:{line}", f"the kubeconfig is not valid YAML ({problem})", "Mend the line, or use a copy."
        ) from None
    finally:
        loader.dispose()
    if not isinstance(values, dict):
        raise ConfigurationError(
            f"{path}:1", "the kubeconfig is no mapping", "Compare `kubectl config view`."
        )
    return File(path, values, node)


def _child(node: Any, key: str) -> Any:
    if key and isinstance(getattr(node, "value", None), list):
        for pair in node.value:
            if isinstance(pair, tuple) and getattr(pair[0], "value", None) == key:
                return pair[1]
    return None


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1
