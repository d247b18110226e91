"""The configuration file, and where posdeck keeps its files (XDG base directories). One table of settings is
the source of defaults, checks and JSON Schema."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from posdeck.errors import ConfigurationError

VARIABLE = "POSDECK_CONFIG"
THEMES = ("dark", "light", "high-contrast", "colour-blind")
SCHEMA = "https://json-schema.org/draft/2020-12/schema"

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_NO_KEYS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``kind`` is text, url, flag, folders, patterns, path or table (action id to key)."""

    name: str  # with its table: "redaction.patterns"
    kind: str
    default: Any
    says: str
    choices: tuple[str, ...] = ()


SETTINGS = (
    Setting("environment", "text", None, "The environment to start with: a folder of the inventory."),
    Setting("read_only", "flag", False, "Start as with --read-only: nothing is ever changed."),
    Setting("theme", "text", "dark", "The colours. State is never told by colour alone.", THEMES),
    Setting(
        "content", "folders", (), "Folders with a team's own inventory, runbooks or playbooks, first wins."
    ),
    Setting("keys", "table", _NO_KEYS, "Other keys for actions, by action id; help (?) shows the ids."),
    Setting("redaction.patterns", "patterns", (), "Regular expressions of text that is never shown or kept."),
    Setting("announce.bell", "flag", True, "Ring the terminal's bell when something new goes wrong."),
    Setting("announce.title", "flag", True, "Say in the terminal's title how much is wrong."),
    Setting(
        "announce.desktop",
        "text",
        "off",
        "Have the terminal notify the desktop of what is new: OSC 9 (iTerm2, kitty, Windows Terminal) or OSC 777.",
        ("off", "osc9", "osc777"),
    ),
    Setting(
        "announce.webhook", "url", None, "Where to post what is new as JSON: https, or http on this machine."
    ),
    Setting(
        "announce.least", "text", "warning", "The least severity that is announced.", ("critical", "warning")
    ),
    Setting("audit.file", "path", None, "The file of the record; by default below the state folder."),
)


@dataclass(frozen=True, slots=True)
class Announce:
    """How new findings make themselves known. A webhook's address may be a secret: it stays out of ``repr``."""

    bell: bool = True
    title: bool = True
    desktop: str = "off"
    webhook: str | None = field(default=None, repr=False)
    least: str = "warning"


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration as read; ``path`` is None when there is no file and all are defaults."""

    environment: str | None = None
    read_only: bool = False
    theme: str = "dark"
    content: tuple[Path, ...] = ()
    keys: Mapping[str, str] = field(default_factory=lambda: _NO_KEYS, hash=False)
    redaction_patterns: tuple[str, ...] = ()
    audit_file: Path | None = None
    announce: Announce = Announce()
    path: Path | None = None


def config_path(environ: Mapping[str, str] | None = None) -> Path:
    """The configuration file, whether it exists or not: POSDECK_CONFIG, else posdeck/config.toml below
    XDG's."""
    environ = os.environ if environ is None else environ
    given = environ.get(VARIABLE)
    return Path(given).expanduser() if given else _base(environ, "XDG_CONFIG_HOME", ".config") / "config.toml"


def state_folder(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of the record and of runs, made (0700) when it is missing."""
    return private_folder(_base(os.environ if environ is None else environ, "XDG_STATE_HOME", ".local/state"))


def cache_folder(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of what may be lost, made (0700) when it is missing."""
    return private_folder(_base(os.environ if environ is None else environ, "XDG_CACHE_HOME", ".cache"))


def private_folder(path: Path) -> Path:
    """Make the folder and its missing parents for their owner only; one that is there and the user's own is
    closed to others. Raises ConfigurationError, also when it belongs to someone else."""
    try:
        for folder in reversed([p for p in (path, *path.parents) if not p.exists()]):
            folder.mkdir(mode=0o700, exist_ok=True)
        found = path.stat()
        if not path.is_dir():
            raise ConfigurationError(str(path), "is a file where a folder is needed", "Move it away.")
        if found.st_uid != os.getuid():
            raise ConfigurationError(
                str(path),
                "belongs to another user",
                "Set XDG_STATE_HOME and XDG_CACHE_HOME to folders of yours.",
            )
        if found.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(
            str(path),
            f"cannot be made: {error.strerror or error}",
            "Set XDG_STATE_HOME to a folder of yours.",
        ) from error
    return path


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the file. One that was named (``path``, POSDECK_CONFIG) must exist; the usual one need not.
    Raises ConfigurationError with the line."""
    environ = os.environ if environ is None else environ
    named = path is not None or bool(environ.get(VARIABLE))
    path = path or config_path(environ)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if named:
            raise ConfigurationError(str(path), "no such configuration file") from error
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(path), f"cannot be read: {error}") from error
    return parse_settings(text, path)


def parse_settings(text: str, path: Path) -> Settings:
    """The settings in ``text``; relative folders count from the file's own. Raises ConfigurationError."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))  # otherwise it is "at end of document"
        line = at[1] if at else len(text.splitlines())
        raise ConfigurationError(f"{path}:{line}", f"not valid TOML: {error}") from error
    reader = _Reader(text, path)
    values = {s.name: s.default for s in SETTINGS}
    for name, value in reader.flat(found):
        values[name] = reader.value(next(s for s in SETTINGS if s.name == name), value)
    return Settings(
        environment=values["environment"],
        read_only=values["read_only"],
        theme=values["theme"],
        content=values["content"],
        keys=values["keys"],
        redaction_patterns=values["redaction.patterns"],
        audit_file=values["audit.file"],
        announce=Announce(**{n.partition(".")[2]: v for n, v in values.items() if n.startswith("announce.")}),
        path=path,
    )


def config_schema() -> dict[str, Any]:
    """The JSON Schema of the configuration file, for editors."""
    properties: dict[str, Any] = {}
    for setting in SETTINGS:
        table, _, key = setting.name.rpartition(".")
        into: dict[str, Any] = properties
        if table:
            empty: Any = {"type": "object", "additionalProperties": False, "properties": {}}
            into = properties.setdefault(table, empty)["properties"]
        into[key] = _property(setting)
    return {
        "$schema": SCHEMA,
        "title": "posdeck configuration",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def _property(setting: Setting) -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string", "minLength": 1}}
    shapes: dict[str, dict[str, Any]] = {
        "text": {"type": "string", "minLength": 1},
        "path": {"type": "string", "minLength": 1},
        "url": {"type": "string", "pattern": "^https?://"},
        "flag": {"type": "boolean"},
        "folders": texts,
        "patterns": {"type": "array", "items": {"type": "string", "minLength": 1, "format": "regex"}},
        "table": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
    }
    found: dict[str, Any] = {"description": setting.says, **shapes[setting.kind]}
    if setting.choices:
        found["enum"] = list(setting.choices)
    if setting.default is not None:
        lists: dict[str, Any] = {"table": {}, "folders": [], "patterns": []}
        found["default"] = lists.get(setting.kind, setting.default)
    return found


class _Reader:
    """Checks one file's values and knows their lines."""

    def __init__(self, text: str, path: Path) -> None:
        self._text = text
        self._path = path

    def flat(self, found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Each setting with its full name; refuses unknown ones."""
        names = [s.name for s in SETTINGS]
        tables = {n.split(".")[0] for n in names if "." in n}
        for key, value in found.items():
            if key in tables:
                if not isinstance(value, dict):
                    raise self.wrong(key, f"{key} is a table", f"Write [{key}].")
                for inner, inner_value in value.items():
                    self._known(f"{key}.{inner}", names)
                    yield f"{key}.{inner}", inner_value
            else:
                self._known(key, names)
                yield key, value

    def _known(self, name: str, names: list[str]) -> None:
        if name in names:
            return
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        remedy = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(names)}."
        raise self.wrong(name, f"there is no setting {name}", remedy)

    def value(self, setting: Setting, value: Any) -> Any:
        """The value as Settings holds it."""
        match setting.kind:
            case "flag":
                if not isinstance(value, bool):
                    raise self.wrong(setting.name, f"{setting.name} is true or false, not {value!r}")
                return value
            case "table":
                return MappingProxyType(
                    {k: self._text_value(f"{setting.name}.{k}", v) for k, v in self._table(setting, value)}
                )
            case "folders":
                return tuple(self._resolved(t) for t in self._texts(setting, value))
            case "patterns":
                return tuple(self._pattern(setting, t) for t in self._texts(setting, value))
            case "path":
                return self._resolved(self._text_value(setting.name, value))
            case "url":
                return self._url(setting, self._text_value(setting.name, value))
        text = self._text_value(setting.name, value)
        if setting.choices and text not in setting.choices:
            near = difflib.get_close_matches(text, setting.choices, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(setting.choices)}."
            raise self.wrong(setting.name, f"there is no {setting.name} {text!r}", remedy)
        return text

    def _table(self, setting: Setting, value: Any) -> list[tuple[str, Any]]:
        if not isinstance(value, dict):
            raise self.wrong(setting.name, f"{setting.name} is a table", f"Write [{setting.name}].")
        return list(value.items())

    def _texts(self, setting: Setting, value: Any) -> list[str]:
        if not isinstance(value, list):
            raise self.wrong(
                setting.name, f"{setting.name} is a list of texts", f'Write {setting.name} = ["…"].'
            )
        return [self._text_value(setting.name, item) for item in value]

    def _text_value(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(name, f"{name} is a text, not {value!r}")
        return value

    def _resolved(self, text: str) -> Path:
        return self._path.parent / Path(text).expanduser()

    def _url(self, setting: Setting, text: str) -> str:
        """An address that findings may be sent to: never in the clear across a network."""
        try:
            parts = urlsplit(text)
            host = parts.hostname or ""
        except ValueError:
            host = ""
        if host and (parts.scheme == "https" or (parts.scheme == "http" and host in _THIS_MACHINE)):
            return text
        remedy = "Write https://…, or http://127.0.0.1:PORT/… for a program on this machine."
        raise self.wrong(setting.name, f"{setting.name} is no address that findings may be sent to", remedy)

    def _pattern(self, setting: Setting, text: str) -> str:
        try:
            found = re.compile(text)
        except re.error as error:
            remedy = "Write it between single quotes, where TOML leaves backslashes alone."
            raise self.wrong(setting.name, f"{text!r} is no regular expression: {error}", remedy) from error
        if found.search(""):
            raise self.wrong(
                setting.name, f"{text!r} matches the empty text, so everything", "Make it narrower."
            )
        return text

    def wrong(self, name: str, cause: str, remedy: str = "") -> ConfigurationError:
        """The error about a setting, with its line where it can be found."""
        line = self._line_of(name)
        return ConfigurationError(f"{self._path}:{line}" if line else str(self._path), cause, remedy)

    def _line_of(self, name: str) -> int:
        """tomllib keeps no lines: look for the key below its table's header, or for the header itself."""
        table, header = "", 0
        for number, line in enumerate(self._text.splitlines(), start=1):
            opened = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
            key = re.match(r"\s*([\w.\"'-]+)\s*=", line)
            if opened:
                table = opened[1].strip("\"'")
                if name == table:
                    header = number
            elif key and name == f"{table}.{key[1]}".strip(".").replace('"', "").replace("'", ""):
                return number
            elif key and not table and name.startswith(f"{key[1]}."):
                header = number
        return header


def _base(environ: Mapping[str, str], variable: str, usual: str) -> Path:
    """XDG's rule: a relative value is not valid and counts as not set."""
    given = environ.get(variable, "")
    if given and Path(given).is_absolute():
        return Path(given) / "posdeck"
    home = environ.get("HOME") or str(Path.home())
    return Path(home) / usual / "posdeck"
