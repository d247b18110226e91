"""One list of keys: nothing clashes, everything is in the help, and the configuration may change it."""

from __future__ import annotations

from collections import Counter

import pytest

from posdeck.errors import ConfigurationError
from posdeck.ui.actions import EVERYWHERE, Keys, key_text, remapped
from posdeck.ui.views import BY_NAME, VIEWS, all_actions


def meaning(keys: Keys, key: str, *scopes: str) -> str:
    """The id of what a key does there; empty when nothing."""
    found = keys.find(key, scopes)
    return found.id if found else ""


def test_no_two_actions_share_a_key_in_one_place() -> None:
    used = Counter((scope, key) for action in all_actions() for scope in action.where for key in action.keys)
    shared = [place for place, count in used.items() if count > 1 and place != (EVERYWHERE, "ctrl+c")]
    assert shared == []


def test_every_id_is_there_once_and_every_action_has_a_key_and_a_place() -> None:
    ids = Counter(action.id for action in all_actions())
    assert [name for name, count in ids.items() if count > 1] == []
    assert all(action.keys and action.where and action.title for action in all_actions())


def test_k9s_keys_mean_what_they_mean_there() -> None:
    keys = Keys(all_actions())
    pods = ("sort:pods", "pod", "workload", "object", "table", EVERYWHERE)
    wanted = {
        "l": "logs", "p": "previous-logs", "d": "describe", "y": "yaml", "r": "restart", "space": "mark",
        "slash": "filter", "colon": "command", "escape": "back", "question_mark": "help", "ctrl+d": "delete",
        "F": "port-forward", "e": "edit", "s": "shell", "N": "sort.pods.name", "C": "sort.pods.cpu",
        "M": "sort.pods.memory", "ctrl+w": "wide", "j": "down", "k": "up", "g": "top", "G": "bottom",
    }  # fmt: skip
    found = {key: action.id for key in wanted if (action := keys.find(key, pods))}
    assert found == wanted
    assert meaning(keys, "s", "workload", "object", "table", EVERYWHERE) == "scale"


def test_the_narrower_place_wins() -> None:
    keys = Keys(all_actions())
    assert meaning(keys, "ctrl+c", "session", EVERYWHERE) == "cancel"
    assert meaning(keys, "ctrl+c", EVERYWHERE) == "quit"


def test_keys_can_be_changed_and_mistakes_are_named() -> None:
    keys = Keys(remapped({"restart": "R"}, all_actions()))
    assert meaning(keys, "R", "workload") == "restart"
    assert keys.find("r", ("workload",)) is None
    with pytest.raises(ConfigurationError, match="no action has this id"):
        remapped({"restrat": "R"})
    with pytest.raises(ConfigurationError, match="in the same place"):
        remapped({"restart": "b"})


def test_the_views_have_the_names_that_were_agreed() -> None:
    assert [view.name for view in VIEWS] == [
        "overview", "pods", "workloads", "revisions", "hpa", "consumers", "slo", "plots", "tracing", "scaling", "services",
        "events", "nodes", "all", "flow", "logs", "findings", "runbooks", "forwards", "audit", "sessions",
    ]  # fmt: skip
    names = [name for view in VIEWS for name in (view.name, *view.aliases)]
    assert len(names) == len(set(names)) == len(BY_NAME)


def test_keys_are_shown_as_people_write_them() -> None:
    assert [key_text(k) for k in ("ctrl+d", "slash", "question_mark", "F", "escape")] == [
        "⌃d",
        "/",
        "?",
        "F",
        "esc",
    ]
