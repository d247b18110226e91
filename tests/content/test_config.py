"""The configuration file is checked to the letter, and posdeck's own folders are private."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdeck import config
from posdeck.errors import ConfigurationError

EVERYTHING = r"""
environment = "production"
read_only = true
theme = "high-contrast"
content = ["team", "/opt/team"]

[keys]
restart = "ctrl+r"

[redaction]
patterns = ['MRN-\d{6}']

[audit]
file = "record.sqlite"

[announce]
bell = false
title = false
desktop = "osc9"
webhook = "https://chat.example/hook/1"
least = "critical"
"""


def test_everything_that_can_be_set(tmp_path: Path) -> None:
    found = config.parse_settings(EVERYTHING, tmp_path / "config.toml")
    assert found == config.Settings(
        environment="production",
        read_only=True,
        theme="high-contrast",
        content=(tmp_path / "team", Path("/opt/team")),
        keys={"restart": "ctrl+r"},
        announce=config.Announce(
            bell=False, title=False, desktop="osc9", webhook="https://chat.example/hook/1", least="critical"
        ),
        redaction_patterns=(r"MRN-\d{6}",),
        audit_file=tmp_path / "record.sqlite",
        path=tmp_path / "config.toml",
    )


def test_an_empty_file_and_none_give_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    assert config.parse_settings("", path) == config.Settings(path=path)
    assert config.load_settings(environ={"HOME": str(tmp_path)}) == config.Settings()


MISTAKES = [
    ('them = "dark"', 1, "Did you mean theme?"),
    ('\ntheme = "drak"', 2, "Did you mean dark?"),
    ("theme = 1", 1, "is a text, not 1"),
    ('read_only = "yes"', 1, "is true or false"),
    ('content = "team"', 1, "is a list of texts"),
    ("content = [1]", 1, "is a text, not 1"),
    ('environment = ""', 1, "is a text"),
    ("[keys]\nrestart = 3", 2, "keys.restart is a text"),
    ("keys = 3", 1, r"Write \[keys\]"),
    ("redaction = 3", 1, r"Write \[redaction\]"),
    ("\n[redaction]\npatterns = ['(']", 3, "no regular expression"),
    ("[redaction]\npatterns = ['a*']", 2, "matches the empty text"),
    ("[redaction]\npattern = ['a']", 2, "Did you mean redaction.patterns?"),
    ("redaction.pattern = ['a']", 1, "Did you mean redaction.patterns?"),
    ("[audit]\nfile = 1", 2, "audit.file is a text"),
    ("[colours]\nred = 1", 1, "there is no setting colours"),
    ("a = \n", 1, "not valid TOML"),
    ('theme = "dark"\ntheme = "light"', 2, "not valid TOML"),
]


@pytest.mark.parametrize(("text", "line", "says"), MISTAKES)
def test_a_mistake_names_the_line_and_the_remedy(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as told:
        config.parse_settings(text, tmp_path / "config.toml")
    assert told.value.subject == f"{tmp_path / 'config.toml'}:{line}"


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such configuration file"):
        config.load_settings(tmp_path / "nothing.toml")
    with pytest.raises(ConfigurationError, match="no such configuration file"):
        config.load_settings(environ={"POSDECK_CONFIG": str(tmp_path / "nothing.toml")})
    with pytest.raises(ConfigurationError, match="cannot be read"):
        config.load_settings(tmp_path)


def test_the_file_is_found_as_xdg_says(tmp_path: Path) -> None:
    home = {"HOME": "/home/me"}
    assert config.config_path(home) == Path("/home/me/.config/posdeck/config.toml")
    assert config.config_path(home | {"XDG_CONFIG_HOME": "/x"}) == Path("/x/posdeck/config.toml")
    assert config.config_path(home | {"XDG_CONFIG_HOME": "relative"}) == Path(
        "/home/me/.config/posdeck/config.toml"
    )
    assert config.config_path({"POSDECK_CONFIG": "/y.toml", "XDG_CONFIG_HOME": "/x"}) == Path("/y.toml")


def test_folders_are_made_for_their_owner_only(tmp_path: Path) -> None:
    state = config.state_folder({"XDG_STATE_HOME": str(tmp_path / "new/state")})
    cache = config.cache_folder({"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert (state, cache) == (tmp_path / "new/state/posdeck", tmp_path / "cache/posdeck")
    for folder in (state, state.parent, state.parent.parent, cache):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_was_open_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "posdeck"
    folder.mkdir()
    folder.chmod(0o755)
    config.state_folder({"XDG_STATE_HOME": str(tmp_path)})
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "posdeck").write_text("")
    with pytest.raises(ConfigurationError, match="a file where a folder is needed"):
        config.state_folder({"XDG_STATE_HOME": str(tmp_path)})
    with pytest.raises(ConfigurationError, match="cannot be made"):
        config.state_folder({"XDG_STATE_HOME": str(tmp_path / "posdeck/below")})


def test_a_folder_of_someone_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "posdeck").mkdir()
    monkeypatch.setattr(config.os, "getuid", lambda: 4_000_000_000)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        config.state_folder({"XDG_STATE_HOME": str(tmp_path)})


def test_the_schema_holds_every_setting_and_nothing_else(tmp_path: Path) -> None:
    schema = config.config_schema()
    assert json.loads(json.dumps(schema)) == schema

    def names(properties: dict[str, dict[str, object]], before: str = "") -> set[str]:
        found: set[str] = set()
        for name, shape in properties.items():
            inner = shape.get("properties")
            found |= names(inner, f"{name}.") if isinstance(inner, dict) else {before + name}
            assert shape["type"] != "object" or "additionalProperties" in shape
        return found

    assert schema["additionalProperties"] is False
    assert names(schema["properties"]) == {s.name for s in config.SETTINGS}
    defaults = config.parse_settings("", tmp_path / "c")
    assert defaults.theme == schema["properties"]["theme"]["default"]
    assert tuple(schema["properties"]["theme"]["enum"]) == config.THEMES


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        config.parse_settings(text, Path("/config.toml"))
    except ConfigurationError as told:
        refusal = told
    else:
        return
    assert refusal.subject.startswith("/config.toml")
    assert refusal.cause


@pytest.mark.parametrize(
    "address",
    [
        "http://chat.example/x",
        "ftp://127.0.0.1/x",
        "https://",
        "chat.example",
        "http://127.0.0.1.evil.example/",
    ],
)
def test_findings_go_to_no_address_in_the_clear(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigurationError, match="no address") as caught:
        config.parse_settings(f'[announce]\nwebhook = "{address}"', tmp_path / "config.toml")
    assert ":2" in str(caught.value)


def test_a_program_on_this_machine_may_be_told_in_the_clear(tmp_path: Path) -> None:
    text = '[announce]\nwebhook = "http://127.0.0.1:8080/x"'
    found = config.parse_settings(text, tmp_path / "config.toml").announce
    assert found.webhook == "http://127.0.0.1:8080/x"
    assert "8080" not in repr(found), "an address may be a secret"
