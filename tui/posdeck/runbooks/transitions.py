"""The moves a session can make, one method each; ``reducer`` decides which event makes which move.

A turn collects the new state and the effects of one event. It touches nothing outside itself.
"""

from __future__ import annotations

from posdeck.runbooks import effects as fx
from posdeck.runbooks.conditions import UNSURE, suggest
from posdeck.runbooks.events import Changed, Verdict
from posdeck.runbooks.model import Act, Decide, Diagnose, Done, Outcome, Tell, Verify
from posdeck.runbooks.session import Passage, Phase, Status, StepState, StepStatus
from posdeck.runbooks.substitution import fill
from posdeck.runbooks.turn import Turn


class Transitions(Turn):
    """The moves of a session."""

    # entering steps

    def enter(self, step_id: str) -> None:
        """Come to a step and begin it."""
        step = self.runbook.step(step_id)
        self.set(step=step_id, rolling_back=False, run="", run_started=False, proof=0, settling_for="")
        self.set(cancelling=False, leaving_by="", after="")
        if isinstance(step, Diagnose):
            self._collect(step)
        elif isinstance(step, Decide):
            self._ask(step)
        elif isinstance(step, Act):
            self.preview()
        elif isinstance(step, Tell):
            self.set(phase=Phase.TELLING)
            self.begin(StepStatus.WAITING)
            who, say = step.who, str(fill(step.say, self.session.spaces(), subject=f"step {step.id}"))
            self.emit(fx.SaveSession(), fx.AskContact(step.id, who, say))
        else:
            self._arrive(step)

    def _collect(self, step: Diagnose) -> None:
        self.set(phase=Phase.COLLECTING)
        self.begin(StepStatus.COLLECTING)
        run = self.new_run()
        target = self.target_named(step.target)
        self.emit(fx.SaveSession())
        if step.reading is not None:
            self.emit(
                fx.TakeReading(
                    run=run, step=step.id, reading=step.reading, target=target, timeout=step.timeout
                )
            )
        elif step.playbook is not None:
            self.run_playbook(
                fx.Purpose.DIAGNOSE, step.playbook, target, self.filled(step.vars), step.timeout
            )

    def _ask(self, step: Decide) -> None:
        suggestion = suggest(step, self.session.facts())
        self.set(phase=Phase.DECIDING)
        self.begin(StepStatus.WAITING)
        self.note_unit(suggested=suggestion.choice if suggestion.certain else "")
        self.emit(
            fx.SaveSession(),
            fx.AskDecision(
                step=step.id,
                question=str(fill(step.question, self.session.spaces(), subject=f"step {step.id}")),
                choices=step.choices,
                suggestion=suggestion,
                unattended=step.unattended or UNSURE,
            ),
        )

    def _arrive(self, step: Done) -> None:
        outcome, result = (
            step.outcome,
            str(fill(step.result, self.session.spaces(), subject=f"step {step.id}")),
        )
        if self.session.check_only:
            outcome, result = Outcome.CANNOT_TELL, "Checked only: nothing was changed."
        self.begin(StepStatus.ENDED)
        stopped = self.session.cancelled and outcome is not Outcome.RESOLVED
        self.finish(Status.CANCELLED if stopped else Status.DONE, outcome, result)

    def finish(self, status: Status, outcome: Outcome | None, result: str) -> None:
        """End the session."""
        self.set(phase=Phase.ENDED, ending=status, outcome=outcome, result=result, run="", rolling_back=False)
        step = self.runbook.step(self.session.step) if self.session.step else None
        offers = step.offers if isinstance(step, Done) and not self.session.check_only else ()
        filled = tuple(
            offer.model_copy(update={"params": fill(offer.params, self.session.spaces(), subject="offer")})
            for offer in offers
        )
        self.emit(
            fx.SaveSession(), fx.Finish(status=status.value, outcome=outcome, result=result, offers=filled)
        )

    def leave(self, by: str, to: str | None) -> None:
        """Leave the current step by an exit, to the next step or, where there is none, as a failure."""
        self.set(trail=(*self.session.trail, Passage(self.session.step, by, self.at)))
        if to is None:
            self.finish(Status.FAILED, None, f"Step {self.session.step} failed, and nothing follows it.")
        else:
            self.enter(to)

    # acts and rollbacks

    def preview(self) -> None:
        """Plan the act or its rollback, with the restart stamp fixed now."""
        old = self.session.steps.get(self.session.unit)
        runs = old.runs if old else ()
        self.set(phase=Phase.PREVIEWING, proof=0, settling_for="", cancelling=False)
        self.begin(StepStatus.PREVIEWING)
        stamp = self.at.isoformat(timespec="seconds").replace("+00:00", "Z")
        self.note_unit(runs=runs, restarted_at="" if self.session.rolling_back else stamp)
        self.new_run()
        self.emit(fx.SaveSession())
        doing = self.doing
        self.run_playbook(fx.Purpose.PREVIEW, doing.playbook, self.target, self.variables(), doing.timeout)

    def ask_confirmation(self) -> None:
        """Show the plan and wait for a person's word."""
        state = self.unit_state()
        if state.plan is None:
            self.preview()
            return
        typed = self.session.typed_confirmation or self.act.confirm == "typed"
        self.set(phase=Phase.CONFIRMING, run="")
        self.note_unit(status=StepStatus.PREVIEWED)
        self.emit(
            fx.SaveSession(),
            fx.AskConfirmation(
                step=self.session.step,
                plan=state.plan,
                plan_hash=state.plan_hash,
                expected=self.target if typed else "",
                for_rollback=self.session.rolling_back,
                carried=self.session.rolling_back,
            ),
        )

    def perform(self) -> None:
        """Run what was confirmed. The session is saved first."""
        state = self.unit_state()
        confirmation = state.confirmation
        if confirmation is None or state.plan is None or confirmation.plan_hash != state.plan_hash:
            raise RuntimeError(f"step {self.session.step} was to run without a confirmation of its plan")
        self.set(phase=Phase.ACTING)
        self.note_unit(status=StepStatus.RUNNING)
        run = self.new_run()
        purpose = fx.Purpose.ROLLBACK if self.session.rolling_back else fx.Purpose.ACT
        self.emit(
            fx.SaveSession(),
            fx.RunPlaybook(
                run=run,
                purpose=purpose,
                step=self.session.step,
                playbook=state.plan.playbook,
                target=state.plan.target,
                variables=state.plan.variables,
                timeout=self.doing.timeout,
                for_rollback=self.session.rolling_back,
                plan_hash=state.plan_hash,
                reason=confirmation.reason,
                ticket=confirmation.ticket,
            ),
        )

    def settle(self, because: str) -> None:
        """Ask the cluster what a run that did not end well has left."""
        state = self.unit_state()
        if state.plan is None:
            raise RuntimeError(f"step {self.session.step} ran without a plan")
        self.set(phase=Phase.SETTLING, settling_for=because)
        self.note_unit(status=StepStatus.INTERRUPTED, changed=Changed.UNKNOWN)
        self.emit(
            fx.SaveSession(),
            fx.SettleRun(
                run=self.session.run,
                step=self.session.step,
                for_rollback=self.session.rolling_back,
                plan=state.plan,
            ),
        )

    def verify(self, proof: int) -> None:
        """Look at one proof; after the last one the act, or rollback, is judged."""
        proofs = self.doing.verify
        if proof >= len(proofs):
            self.judge()
            return
        self.set(phase=Phase.VERIFYING, proof=proof)
        self.note_unit(status=StepStatus.VERIFYING)
        run = self.new_run()
        self.emit(fx.SaveSession())
        self._prove(run, proofs[proof])

    def _prove(self, run: str, proof: Verify) -> None:
        target = self.target_named(proof.target) if proof.target else self.target
        if proof.check is not None:
            self.emit(
                fx.RunCheck(
                    run=run,
                    step=self.session.step,
                    check=proof.check,
                    target=target,
                    timeout=proof.timeout,
                    for_rollback=self.session.rolling_back,
                )
            )
        elif proof.playbook is not None:
            self.run_playbook(
                fx.Purpose.VERIFY, proof.playbook, target, self.filled(proof.vars), proof.timeout
            )

    def judge(self) -> None:
        """Leave an act by its verdict (without a proof: cannot tell), or go on after a rollback."""
        verdict = self.unit_state().verdict or Verdict.CANNOT_TELL
        self.note_unit(status=StepStatus(verdict.value), verdict=verdict, ended=self.at)
        if self.session.rolling_back:
            self.after_rollback()
        else:
            self.leave_act(verdict.value)

    def leave_act(self, by: str) -> None:
        """Leave an act by passed, failed, cannot-tell or cancelled; offer its rollback where it has one."""
        act = self.act
        ways = {"failed": act.on_failure, "cannot-tell": act.cannot_tell_leads_to, "cancelled": act.on_cancel}
        to = ways.get(by) or self.runbook.following(act)
        self.set(run="", cancelled=self.session.cancelled or by == "cancelled")
        if by == "passed" or act.rollback is None or self.unit_state().changed is Changed.NO:
            self.leave(by, to)
            return
        self.set(phase=Phase.OFFERING, leaving_by=by, after=to or "", cancelling=False)
        self.emit(
            fx.SaveSession(), fx.OfferRollback(act.id, self.unit_state().note or f"the step ended as {by}")
        )

    def after_rollback(self) -> None:
        """Go on to where the act's exit leads, or back to where the rollback was asked for."""
        by, to, done = self.session.leaving_by, self.session.after, self.unit_state()
        self.set(rolling_back=False, run="")
        if by:
            rolled = "+rollback" if done.changed is not Changed.NO else ""
            self.leave(f"{by}{rolled}", to)
        elif to:
            self.enter(to)
        else:
            self._end_again(done)

    def _end_again(self, back: StepState) -> None:
        """Once more to the end of a session that was over when the rollback was asked for."""
        session = self.session
        outcome, result = session.outcome, session.result
        if back.changed is not Changed.NO:
            well = back.verdict is Verdict.PASSED
            outcome = Outcome.NOT_RESOLVED if well else Outcome.CANNOT_TELL
            said = (
                "was taken back" if well else f"was to be taken back, and that ended as {back.status.value}"
            )
            result = f"{self.act.title} {said}. Before that: {result}"
        self.finish(session.ending or Status.DONE, outcome, result)
