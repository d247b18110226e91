"""The keys of the place one came from, then those of everywhere; made from the one list of actions."""

from __future__ import annotations

from collections.abc import Iterable

from posdeck.ui.actions import Action, key_text
from posdeck.ui.rows.cells import Line
from posdeck.ui.tones import Tone


def help_lines(actions: Iterable[Action], views: Iterable[tuple[str, tuple[str, ...], str]]) -> list[Line]:
    """Groups of keys, then the names that ``:`` takes."""
    groups: dict[str, list[Action]] = {}
    for action in actions:
        groups.setdefault(action.group, []).append(action)
    lines: list[Line] = []
    for group, members in groups.items():
        lines += [((group.upper(), Tone.HEADING),)]
        for action in members:
            keys = "  ".join(key_text(key) for key in action.keys)
            writes = "  (asks first, and is recorded)" if action.writes else ""
            says = f"  {action.says}" if action.says else ""
            lines.append(
                (
                    (f"  {keys:<16} ", Tone.STRONG),
                    (f"{action.title}", Tone.NORMAL),
                    (says, Tone.DIM),
                    (writes, Tone.WARN),
                )
            )
        lines.append(())
    lines.append((("NAMES THAT : TAKES", Tone.HEADING),))
    for name, aliases, shows in views:
        lines.append(
            ((f"  {name:<12} ", Tone.STRONG), (f"{', '.join(aliases):<36} ", Tone.DIM), (shows, Tone.NORMAL))
        )
    return lines
