"""The key that shows what is redacted: for a reason, for a while, on this screen only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posdeck.errors import PosdeckError

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp

NO_COPY = "Nothing is copied while redaction is lifted: what is copied leaves this screen. ⌃x puts it in force again."


async def lift_or_end(app: PosdeckApp, reason: str = "") -> None:
    """Put redaction in force again, or ask for the reason to lift it (``reason`` answers that already)."""
    try:
        lifting = app.need_front().lifting
        if lifting.active:
            await lifting.end()
            app.notice("Redaction is in force again.")
        elif reason:
            await _lift(app, reason)
        else:
            app.console_screen.ask(
                "why",
                "the reason, recorded: then shown for 10 min on this screen · esc leaves it",
                lambda typed: _lift(app, typed),
            )
    except PosdeckError as problem:
        app.notice(str(problem), "bad")


async def _lift(app: PosdeckApp, reason: str) -> None:
    try:
        await app.need_front().lifting.lift(reason)
    except PosdeckError as problem:
        app.notice(str(problem), "bad")
        return
    app.notice(
        "Redaction is lifted on this screen. Sessions, records and what is saved stay redacted. ⌃x ends it.",
        "bad",
    )


def lifted(app: PosdeckApp) -> bool:
    """Whether text on this screen may be more than may leave it."""
    return app.front is not None and app.front.lifting.active
