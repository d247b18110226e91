"""What actions do beyond the place they were pressed in: each goes to the module that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posdeck.ui.actions import Action, key_text
from posdeck.ui.leaving import leave_if_meant
from posdeck.ui.lifting import lift_or_end
from posdeck.ui.places import back
from posdeck.ui.procedures import begin, for_marked, not_here, procedure, restart, runbook_for
from posdeck.ui.reading import open_logs, open_object, open_owner, open_selected, read_runbook, show_help
from posdeck.ui.screens.findings import remark
from posdeck.ui.screens.forwards import forward_subject
from posdeck.ui.screens.links import open_links
from posdeck.ui.screens.pane import Subject
from posdeck.ui.screens.revisions import compare_revisions

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp


async def perform(app: PosdeckApp, action: Action, key: str) -> None:
    """Do ``action`` for what is selected."""
    subject = app.console_screen.current.subject()
    if action.id.startswith("view."):
        await app.go(action.id[5:], fresh=True)
    elif action.id == "quit":
        leave_if_meant(app, key_text(key))
    elif action.id in {"back", "session-back"}:
        await back(app)
    elif action.id in {"command", "filter"}:
        mode = ":" if action.id == "command" else "/"
        app.console_screen.prompt.open(mode, app.console_screen.current.filter.text if mode == "/" else "")
    elif action.id == "help":
        await show_help(app)
    elif action.id == "focus-next":
        app.console_screen.focus_next()
    elif action.id == "focus-previous":
        app.console_screen.focus_previous()
    elif action.id == "theme":
        change_theme(app)
    elif action.id == "palette":
        from posdeck.ui.screens.palette import open_palette  # its widgets are not needed for the first frame

        await open_palette(app)
    elif action.id == "redaction":
        await lift_or_end(app)
    elif action.id == "redraw":
        app.console_screen.refresh(layout=True)
    elif action.id == "copy":
        _copy(app, subject)
    elif action.id == "start-runbook" and subject is not None:
        await begin(app, subject.runbook, {})
    elif action.id == "read-runbook" and subject is not None:
        await read_runbook(app, subject.runbook)
    elif subject is not None and not await for_marked(app, action):
        await _for_subject(app, action, subject)


async def _for_subject(app: PosdeckApp, action: Action, subject: Subject) -> None:
    if action.id in {"logs", "previous-logs"}:
        await open_logs(app, subject, previous=action.id == "previous-logs")
    elif action.id in {"describe", "yaml"}:
        await open_object(app, subject, as_yaml=action.id == "yaml")
    elif action.id == "open":
        await open_selected(app, subject)
    elif action.id == "runbook":
        await runbook_for(app, subject)
    elif action.id == "acknowledge":
        await remark(app, subject, "ack")
    elif action.id in {"snooze", "note-finding"}:
        app.console_screen.prompt.open(":", "snooze 1h " if action.id == "snooze" else "note ")
    elif action.id == "restart":
        await restart(app, subject)
    elif action.procedure:
        await procedure(app, action, subject)
    elif action.id == "port-forward":
        await forward_subject(app, subject)
    elif action.id == "owner":
        await open_owner(app, subject)
    elif action.id == "links":
        await open_links(app, subject)
    elif action.id == "compare":
        await compare_revisions(app, subject)
    elif action.id in {"edit", "shell"}:
        not_here(app, action, subject)


def change_theme(app: PosdeckApp, name: str = "") -> None:
    """The theme of this name, or the next one."""
    from posdeck.ui.palettes import PALETTES
    from posdeck.ui.widgets.table import Table

    names = list(PALETTES)
    app.palette_name = name or names[(names.index(app.palette_name) + 1) % len(names)]
    app.theme = f"posdeck-{app.palette_name}"
    for table in app.console_screen.query(Table):
        table.redraw_all()
    for widget in app.console_screen.walk_children():
        widget.refresh()
    app.notice(f"theme: {app.palette_name}")


def _copy(app: PosdeckApp, subject: Subject | None) -> None:
    if subject is None or not (subject.name or subject.runbook or subject.record):
        app.notice("Nothing is selected, so nothing was copied.", "warn")
        return
    text = subject.name or subject.runbook or subject.record
    app.copy_to_clipboard(text)
    app.notice(f"copied: {text}")
