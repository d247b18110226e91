"""The state that one event changes, and the effects it collects; the moves themselves are in ``transitions``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from posdeck.runbooks import effects as fx
from posdeck.runbooks.model import Act, Rollback, Runbook
from posdeck.runbooks.plan import RESTART_STAMP, Plan
from posdeck.runbooks.session import Session, StepState, StepStatus
from posdeck.runbooks.substitution import exact_name, fill


class Turn:
    """One event's worth of change: the new state, and the effects asked for."""

    def __init__(self, runbook: Runbook, session: Session, at: datetime) -> None:
        self.runbook = runbook
        self.session = replace(session, updated=at)
        self.at = at
        self.effects: list[fx.Effect] = []

    # state

    def set(self, **changes: Any) -> None:
        """Replace fields of the session."""
        self.session = replace(self.session, **changes)

    def note(self, key: str, **changes: Any) -> None:
        """Replace fields of a step's state, which begins now if it is new."""
        old = self.session.steps.get(key) or StepState(status=StepStatus.WAITING, began=self.at)
        self.set(steps={**self.session.steps, key: replace(old, **changes)})

    def note_unit(self, **changes: Any) -> None:
        """Replace fields of the state of what is being carried out."""
        self.note(self.session.unit, **changes)

    @property
    def act(self) -> Act:
        """The act that is being carried out or taken back."""
        step = self.runbook.step(self.session.step)
        if not isinstance(step, Act):
            raise TypeError(f"step {step.id} is no act")
        return step

    @property
    def doing(self) -> Act | Rollback:
        """The act, or its rollback while that is carried out."""
        if self.session.rolling_back and self.act.rollback is not None:
            return self.act.rollback
        return self.act

    def unit_state(self) -> StepState:
        """The state of what is being carried out."""
        return self.session.steps[self.session.unit]

    def emit(self, *effects: fx.Effect) -> None:
        """Ask for effects, in order."""
        self.effects.extend(effects)

    def next_run(self) -> str:
        """A name that no run of this session had before."""
        count = self.session.run_count + 1
        self.set(run_count=count)
        return f"{self.session.id}-{count}"

    def new_run(self) -> str:
        """Number a run of what is being carried out; its events are the ones waited for."""
        run = self.next_run()
        self.set(run=run, run_started=False)
        self.note_unit(runs=(*self.unit_state().runs, run))
        return run

    def begin(self, status: StepStatus) -> None:
        """Begin what is being carried out, with nothing known of it yet."""
        fresh = StepState(status=status, began=self.at)
        self.set(steps={**self.session.steps, self.session.unit: fresh})

    # filling in

    @property
    def target(self) -> str:
        """The exact name that the act or its rollback is aimed at."""
        doing = self.doing
        return self.target_named(doing.target or self.act.target)

    def variables(self) -> dict[str, JsonValue]:
        """The extra variables of the act or its rollback, filled in; an act's carry its restart stamp."""
        if not self.session.rolling_back:
            return {**self.filled(self.act.vars), RESTART_STAMP: self.unit_state().restarted_at}
        plan = self.session.steps[self.session.step].plan
        return self.filled(self.doing.vars, plan.before if plan else {})

    def check_way_back(self, plan: Plan) -> None:
        """Raise SubstitutionError when this plan's ``before`` lacks what the act's rollback needs."""
        if self.act.rollback is not None and not self.session.rolling_back:
            self.filled(self.act.rollback.vars, plan.before)

    def target_named(self, text: str) -> str:
        """The exact name that a runbook's text for a target stands for."""
        subject = f"step {self.session.step}, target"
        return exact_name(fill(text, self.session.spaces(), subject=subject), subject=subject)

    def filled(
        self, given: Mapping[str, Any], before: Mapping[str, JsonValue] | None = None
    ) -> dict[str, JsonValue]:
        """The variables with values; one whose parameter was left out is left out too."""
        subject = f"step {self.session.step}, vars"
        filled = fill(dict(given), self.session.spaces(before), subject=subject)
        return {name: value for name, value in filled.items() if value is not None}

    def run_playbook(
        self,
        purpose: fx.Purpose,
        playbook: str,
        target: str,
        variables: Mapping[str, JsonValue],
        timeout: int,
    ) -> None:
        """Ask for a playbook, as the current run."""
        self.emit(
            fx.RunPlaybook(
                run=self.session.run,
                purpose=purpose,
                step=self.session.step,
                playbook=playbook,
                target=target,
                variables=variables,
                timeout=timeout,
                for_rollback=self.session.rolling_back,
            )
        )
