"""Every key, once. Dispatch, footer and help are all made from this list, and the configuration may remap it.

Where k9s has a key for the same thing, it is the same key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from posdeck.errors import ConfigurationError

EVERYWHERE = "everywhere"
TABLE = "table"
PAGER = "pager"
WORKLOAD = "workload"  # a deployment is selected, directly or through its pod, consumer or problem
POD = "pod"
OBJECT = "object"  # something of the cluster is selected
PROBLEM = "problem"
SESSION = "session"
QUESTION = "question"
CONFIRMATION = "confirmation"
LOGS = "logs"
RUNBOOK = "runbook"
RECORD = "record"
SERVICE = "service"
FORWARD = "forward"
REVISION = "revision"
KIND = "kind"
FORM = "form"
PLOTS = "plots"
LINKS = "links"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a key does. ``footer`` orders the footer (0: not there); ``group`` titles the help."""

    id: str
    keys: tuple[str, ...]
    title: str
    where: frozenset[str]
    group: str
    footer: int = 0
    writes: bool = False
    procedure: str = ""  # the id of the runbook that carries it out
    says: str = ""  # help in a sentence


def _action(
    id: str,
    keys: str,
    title: str,
    where: str,
    group: str,
    *,
    footer: int = 0,
    writes: bool = False,
    procedure: str = "",
    says: str = "",
) -> Action:
    return Action(
        id, tuple(keys.split()), title, frozenset(where.split()), group, footer, writes, procedure, says
    )


_VIEW_KEYS = (
    ("overview", "1"),
    ("pods", "2"),
    ("workloads", "3"),
    ("hpa", "4"),
    ("consumers", "5"),
    ("events", "6"),
    ("findings", "7"),
    ("runbooks", "8"),
    ("audit", "9"),
    ("sessions", "0"),
)

ACTIONS: tuple[Action, ...] = (
    *(
        _action(f"view.{name}", key, name, EVERYWHERE, "Views", footer=90 if key in {"1", "2"} else 0)
        for name, key in _VIEW_KEYS
    ),
    _action("runbook", "b", "runbook", "workload problem", "Act", footer=10,
            says="open the runbook that fits"),
    _action("acknowledge", "a", "acknowledge", PROBLEM, "Act", footer=12,
            says="say on the record that you look after it: it no longer announces itself"),
    _action("snooze", "z", "snooze", PROBLEM, "Act", footer=14,
            says="put it off, an hour if nothing else is typed; it comes back when it gets worse"),
    _action("note-finding", "m", "note", PROBLEM, "Act", footer=16, says="leave a note on it, on the record"),
    _action("restart", "r", "restart", "workload", "Act", footer=20, writes=True,
            says="go straight to the restart; evidence is collected beside it"),
    _action("scale", "s", "scale", "workload", "Act", footer=60, writes=True, procedure="scale-workload",
            says="scale a deployment through its runbook"),
    _action("delete", "ctrl+d", "delete pod", "pod", "Act", writes=True, procedure="delete-pod",
            says="delete one hung pod through its runbook"),
    _action("logs", "l", "logs", "workload pod", "Look", footer=30),
    _action("previous-logs", "p", "previous logs", "workload pod", "Look",
            says="logs of the container before its restart"),
    _action("describe", "d", "describe", OBJECT, "Look", footer=40),
    _action("yaml", "y", "YAML", OBJECT, "Look", footer=50),
    _action("port-forward", "F shift+f", "port-forward", "workload pod service", "Look",
            says="forward its known ports to this machine: 8080:80 of the API, all three of the collector"),
    _action("compare", "x", "compare", REVISION, "Look", footer=35,
            says="the revision beside the current one, or the two that are marked beside each other"),
    _action("forward-stop", "x ctrl+d", "stop", FORWARD, "Forwards", footer=10),
    _action("forward-probe", "p", "probe", FORWARD, "Forwards", footer=12,
            says="ask its path once: status and latency"),
    _action("forward-path", "e", "path", FORWARD, "Forwards", footer=13,
            says="ask another path of it, and keep to that one"),
    _action("forward-probe-always", "a", "probe on", FORWARD, "Forwards", footer=14,
            says="probe every five seconds, or no longer"),
    _action("reload", "ctrl+r", "read again", KIND, "Table", footer=30),
    _action("zoom-out", "z", "longer", PLOTS, "Plots", footer=10,
            says="15 minutes, 1 hour, 6 hours, 24 hours, as far back as the source goes"),
    _action("zoom-in", "Z", "shorter", PLOTS, "Plots", footer=11),
    _action("links", "L", "links", "workload pod", "Look",
            says="dashboards, traces and the broker's pages of it, from the inventory"),
    _action("owner", "J", "owner", "workload pod", "Look", says="go to the deployment that it belongs to"),
    _action("link-open", "enter", "open", LINKS, "Look", footer=5, says="in a browser; copied where there is none"),
    _action("edit", "e", "edit", OBJECT, "Not here", says="says why there is none, and the kubectl command"),
    _action("shell", "s", "shell", POD, "Not here", says="says why there is none, and the kubectl command"),
    _action("open", "enter", "open", "table", "Look", footer=25),
    _action("mark", "space", "mark", TABLE, "Table"),
    _action("wide", "ctrl+w", "all columns", TABLE, "Table", says="show every column; left and right scroll"),
    _action("sort", "o", "sort by next column", TABLE, "Table"),
    _action("filter", "slash", "filter", "table pager", "Table", footer=92,
            says="text, a regular expression, ! for the inverse, -l for labels"),
    _action("command", "colon", "command", EVERYWHERE, "Everywhere", footer=94,
            says="go to a view by its name"),
    _action("help", "question_mark f1", "help", EVERYWHERE, "Everywhere", footer=99),
    _action("back", "escape", "back", EVERYWHERE, "Everywhere", footer=97),
    _action("focus-next", "tab", "next pane", EVERYWHERE, "Everywhere"),
    _action("focus-previous", "shift+tab", "previous pane", EVERYWHERE, "Everywhere"),
    _action("redaction", "ctrl+x", "redaction", EVERYWHERE, "Everywhere",
            says="show what is redacted, for ten minutes and a reason that is recorded; again ends it"),
    _action("palette", "ctrl+p", "palette", EVERYWHERE, "Everywhere",
            says="find anything that can be done here by a word of it"),
    _action("theme", "ctrl+t", "next theme", EVERYWHERE, "Everywhere"),
    _action("copy", "c", "copy", "table pager", "Everywhere",
            says="copy the name; in a text the whole of it, or the match (OSC 52)"),
    _action("redraw", "ctrl+l", "draw again", EVERYWHERE, "Everywhere"),
    _action("quit", "ctrl+c ctrl+q", "quit", EVERYWHERE, "Everywhere"),
    _action("up", "up k", "up", "table pager", "Moving"),
    _action("down", "down j", "down", "table pager", "Moving"),
    _action("page-up", "pageup ctrl+b", "page up", "table pager", "Moving"),
    _action("page-down", "pagedown ctrl+f", "page down", "table pager", "Moving"),
    _action("top", "home g", "top", "table pager", "Moving"),
    _action("bottom", "end G", "bottom", "table pager", "Moving"),
    _action("left", "left h", "left", "table pager", "Moving"),
    _action("right", "right", "right", "table pager", "Moving"),
    _action("follow", "f", "follow", LOGS, "Logs", footer=30),
    _action("wrap", "w", "wrap", "pager", "Logs", footer=32),
    _action("timestamps", "t", "timestamps", LOGS, "Logs", footer=33),
    _action("since-tail", "0", "last lines", LOGS, "Logs", says="the last 1,000 lines, then what comes"),
    _action("since-head", "1", "from the beginning", LOGS, "Logs", says="the log from its first line on"),
    _action("since-1m", "2", "last minute", LOGS, "Logs"),
    _action("since-5m", "3", "last 5 minutes", LOGS, "Logs"),
    _action("since-15m", "4", "last 15 minutes", LOGS, "Logs"),
    _action("since-30m", "5", "last 30 minutes", LOGS, "Logs"),
    _action("since-1h", "6", "last hour", LOGS, "Logs"),
    _action("previous", "p", "previous container", LOGS, "Logs", footer=36,
            says="the log before the last restart, and back"),
    _action("container", "C", "next container", LOGS, "Logs",
            says="one container after the other, then all of them"),
    _action("unfold", "u", "unfold JSON", LOGS, "Logs", footer=34,
            says="each field of a JSON line on a line of its own"),
    _action("copy-line", "c", "copy line", LOGS, "Logs",
            says="the match that n and N are at, else the last line in sight"),
    _action("copy-all", "Y", "copy all shown", LOGS, "Logs", says="every line that passes the filter"),
    _action("save", "ctrl+s", "save", LOGS, "Logs", footer=38,
            says="what passes the filter to a file of yours, redacted and recorded"),
    _action("clear-mark", "m", "mark here", LOGS, "Logs", says="draw a line at the present end"),
    _action("next-match", "n", "next match", PAGER, "Logs"),
    _action("previous-match", "N", "previous match", PAGER, "Logs"),
    _action("fold", "v", "managed fields", "object-text", "Look", footer=30),
    _action("evidence", "v", "evidence", SESSION, "Session", footer=20),
    _action("step", "x", "step", SESSION, "Session", footer=22,
            says="back from evidence or log to the step"),
    _action("session-log", "o", "log", SESSION, "Session", footer=24),
    _action("kubectl", "K", "kubectl", SESSION, "Session", footer=25, says="show and copy the step's kubectl command"),
    _action("hand-over", "O", "hand over", SESSION, "Session",
            says="leave the session to somebody else, on record, and copy the brief for them"),
    _action("session-back", "ctrl+o", "leave open", SESSION, "Session",
            says="leave the screen; the session stays open"),
    _action("cancel", "ctrl+c", "cancel", SESSION, "Session", footer=26,
            says="stop what runs and follow on_cancel"),
    _action("take-back", "Z", "take back", "way-back", "Session", footer=9, writes=True,
            says="undo the last act, with a preview and a confirmation of its own"),
    _action("confirm", "y f2 enter", "confirm", CONFIRMATION, "Session", footer=5, writes=True),
    _action("decline", "n", "leave", CONFIRMATION, "Session", says="leave the screen; nothing is done"),
    _action("choose", "1 2 3 4 5 6 7 8 9", "choose", QUESTION, "Session", footer=5),
    _action("answer", "enter", "take the answer", QUESTION, "Session"),
    _action("next-offer", "b", "next procedure", "offer", "Session", footer=8),
    _action("start-runbook", "enter", "start", RUNBOOK, "Act", footer=5),
    _action("read-runbook", "d", "read", RUNBOOK, "Look", footer=6, says="the runbook as a document"),
    _action("begin", "enter f2", "begin", FORM, "Act", footer=5, says="begin with these answers"),
    _action("form-next", "tab down", "next field", FORM, "Act", footer=6),
    _action("form-previous", "shift+tab up", "previous field", FORM, "Act"),
    _action("form-choice", "ctrl+n", "next choice", FORM, "Act", footer=7,
            says="put the next of the known answers into the field"),
)  # fmt: skip


def sort_scope(kind: str) -> str:
    """The scope of the keys that sort this kind of row."""
    return f"sort:{kind}"


def sort_action(kind: str, column: str, title: str, key: str) -> Action:
    """Shift and a letter sort by a column, as in k9s; the same again turns the order round."""
    return Action(
        f"sort.{kind}.{column}",
        (key.upper(),),
        f"sort by {title.lower()}",
        frozenset({sort_scope(kind)}),
        "Sort",
    )


def remapped(
    keys: Mapping[str, str | Iterable[str]], actions: tuple[Action, ...] = ACTIONS
) -> tuple[Action, ...]:
    """The actions with the keys that the configuration gives by action id; raises ConfigurationError for an
    unknown id, or when two actions of the same place would share a key."""
    known = {action.id for action in actions}
    for name in keys:
        if name not in known:
            raise ConfigurationError(
                f"[keys] {name}", "no action has this id", f"The ids are: {', '.join(sorted(known))}"
            )
    changed = tuple(
        replace(action, keys=_key_list(keys[action.id])) if action.id in keys else action
        for action in actions
    )
    _refuse_clashes(changed, set(keys))
    return changed


def _key_list(keys: str | Iterable[str]) -> tuple[str, ...]:
    listed = keys.split() if isinstance(keys, str) else list(keys)
    names = {":": "colon", "/": "slash", "?": "question_mark"}
    return tuple(names.get(key, key) for key in listed)


def _refuse_clashes(actions: tuple[Action, ...], touched: set[str]) -> None:
    for action in actions:
        for other in actions:
            if action.id >= other.id or not ({action.id, other.id} & touched):
                continue
            shared = set(action.keys) & set(other.keys)
            if shared and (action.where & other.where):
                raise ConfigurationError(
                    f"[keys] {action.id}",
                    f"its key {', '.join(sorted(shared))} is {other.id}'s in the same place",
                    "Give one of them another key",
                )


class Keys:
    """Which action a key means in a place. Narrower scopes win: they come first in ``scopes``."""

    def __init__(self, actions: tuple[Action, ...] = ACTIONS) -> None:
        self.actions = actions
        self._by_key: dict[tuple[str, str], Action] = {}
        self._applying: dict[tuple[str, ...], list[Action]] = {}
        for action in actions:
            for scope in action.where:
                for key in action.keys:
                    self._by_key.setdefault((scope, key), action)

    def find(self, key: str, scopes: Iterable[str]) -> Action | None:
        """The action of ``key`` where ``scopes`` hold, narrowest first."""
        for scope in scopes:
            found = self._by_key.get((scope, key))
            if found:
                return found
        return None

    def applying(self, scopes: Iterable[str]) -> list[Action]:
        """Every action that applies here and can be reached by a key, in the list's order."""
        held = tuple(scopes)
        found = self._applying.get(held)
        if found is None:
            found = [a for a in self.actions if any(self.find(key, held) is a for key in a.keys)]
            self._applying[held] = found
        return list(found)


_SHOWN = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "escape": "esc",
    "enter": "⏎",
    "space": "␣",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


def key_text(key: str) -> str:
    """A key as it is shown: ``⌃d``, ``/``, ``⇧F``."""
    if key.startswith("ctrl+"):
        return f"⌃{key[5:]}"
    if key.startswith("shift+"):
        return f"⇧{_SHOWN.get(key[6:], key[6:])}"
    return _SHOWN.get(key, key)
