"""Which act of a session can be taken back, and why one cannot. Front ends ask before they offer it, the reducer
before it plans it."""

from __future__ import annotations

from posdeck.runbooks.events import Changed
from posdeck.runbooks.model import Runbook
from posdeck.runbooks.session import Phase, Session, rollback_key


def why_not_back(runbook: Runbook, session: Session, step_id: str) -> str:
    """Why the act of a step cannot be taken back, or "" when it can be asked for."""
    state = session.steps.get(step_id)
    back = session.steps.get(rollback_key(step_id))
    act = next((step for step in runbook.steps if step.id == step_id), None)
    if state is None or state.plan is None or state.changed is Changed.NO:
        return f"step {step_id} changed nothing"
    if getattr(act, "rollback", None) is None:
        return f"step {step_id} cannot be taken back"
    if back is not None and back.changed is Changed.YES:
        return f"step {step_id} was taken back already"
    return ""


def way_back(runbook: Runbook, session: Session) -> str:
    """The act that can be taken back now: the last one that changed something; "" where there is none."""
    if session.check_only or session.phase not in (Phase.DECIDING, Phase.TELLING, Phase.ENDED):
        return ""
    acts = dict.fromkeys(p.step for p in reversed(session.trail) if p.step in session.steps)
    return next((step for step in acts if not why_not_back(runbook, session, step)), "")
