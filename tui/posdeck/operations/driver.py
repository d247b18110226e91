"""Carries a runbook session out: takes events in, lets the pure reducer decide, performs the effects in order.

Everything runs on the event loop of the one who made it. Each change posts a whole new SessionView.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from posdeck.errors import PosdeckError
from posdeck.operations import followups
from posdeck.operations.gate import refuse
from posdeck.operations.performing import Performing
from posdeck.operations.policies import wanted_contacts
from posdeck.operations.session_store import SessionStore
from posdeck.operations.showing import Showing
from posdeck.operations.standing import Verdict
from posdeck.operations.stored import kept_evidence
from posdeck.operations.warming import Wanted
from posdeck.operations.workshop import Workshop
from posdeck.runbooks import effects as fx
from posdeck.runbooks import events as ev
from posdeck.runbooks.model import Runbook
from posdeck.runbooks.reducer import advance
from posdeck.runbooks.session import InvalidEventError, Phase, Session
from posdeck.runbooks.way_back import way_back

_BREAK_GLASS = "break-glass:"


class SessionDriver(Performing):
    """One session. ``changed`` is called with the driver after every change."""

    def __init__(
        self,
        workshop: Workshop,
        runbook: Runbook,
        session: Session,
        sessions: SessionStore,
        changed: Callable[[SessionDriver], None],
        *,
        playbook_digests: Mapping[str, str],
    ) -> None:
        super().__init__(workshop, playbook_digests)
        self.runbook = runbook
        self.session = session
        self.finished = asyncio.Event()
        self._sessions = sessions
        self._changed = changed
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()

    # what a front end does

    async def start(self, *, straight: bool = False) -> None:
        """Begin the first step, or go ``straight`` to the runbook's shortcut."""
        await self.post(ev.Started(at=self._now(), straight=straight))

    async def resume(self, actor: str, digest: str) -> None:
        """Take a stored session up again, with the evidence it had; what was interrupted is settled first."""
        await self.recall()
        if self.session.handed_over_to:
            from posdeck.operations.handover import record_takeover

            await record_takeover(self.workshop, self.session, actor)
        await self.post(ev.Resumed(at=self._now(), actor=actor, digest=digest))

    async def recall(self) -> None:
        """Show the evidence that a stored session had."""
        self.showing.evidence = await kept_evidence(self.workshop, self.runbook, self.session)

    async def hand_over(self, to: str, note: str = "") -> str:
        """Leave the session to ``to``; what is looked at beside ends first. Gives the brief for whoever takes it up.
        Raises InvalidEventError while an act or a look goes on, AuditError when it cannot be recorded."""
        from posdeck.operations import handover

        name, note = handover.receiver(to), self.workshop.redactor.text(note)
        await self.wait_until_quiet()
        event = ev.HandedOver(at=self._now(), to=name)
        advance(self.runbook, self.session, event)  # refuses what does not fit, before anything is recorded
        told = handover.brief(self, name, note, event.at)
        await handover.record_handover(self.workshop, self.session, name, note)
        await self.post(event)
        return told

    async def answer(self, choice: str, note: str = "") -> None:
        """Answer the question, tell that somebody was told, or decide about a rollback."""
        step, phase = self.session.step, self.session.phase
        if phase is Phase.TELLING:
            told = self.showing.contact.who if self.showing.contact and choice == "told" else ()
            await followups.record_informed(self.workshop, told, self.session.id)
            await self.post(ev.Acknowledged(at=self._now(), step=step, told=told))
        elif phase is Phase.OFFERING:
            kind = ev.RollbackRequested if choice == "rollback" else ev.RollbackDeclined
            await self.post(kind(at=self._now(), step=step))
        elif phase is Phase.REFUSED and choice in {"retry", "told"}:
            if choice == "told":
                await self._tell_missing()
            await self.post(ev.Retried(at=self._now(), step=step))
        else:
            note = self.workshop.redactor.text(note)
            await self.post(ev.Answered(at=self._now(), step=step, choice=choice, note=note))

    async def take_back(self, step: str = "") -> None:
        """Plan the way back of an act that is over, by default the last one that can be taken back; it has a
        preview and a confirmation of its own. Raises InvalidEventError when there is none, or it does not fit."""
        step = step or way_back(self.runbook, self.session)
        if not step:
            raise InvalidEventError(
                f"session {self.session.id}",
                "has no act that can be taken back now",
                "An act can be taken back at a question or when the session is over, where its runbook has a "
                "rollback for it, and once.",
            )
        await self.post(ev.RollbackRequested(at=self._now(), step=step))
        self.finished.clear()

    async def confirm(
        self, *, typed: str, reason: str, ticket: str, break_glass: str = "", informed: Sequence[str] = ()
    ) -> None:
        """Agree to the plan on show; a reason that begins with "break-glass:" is one for break-glass. Raises
        RefusedError, itself recorded, when what was typed is not what had to be; the plan stays on show."""
        state = self.session.steps[self.session.unit]
        if not break_glass and reason.strip().lower().startswith(_BREAK_GLASS):
            break_glass = reason.strip()[len(_BREAK_GLASS) :].strip()
            reason = break_glass
        asked = self.showing.confirmation
        if asked is not None and self.session.phase is Phase.CONFIRMING:
            await self._hold_to_what_was_typed(asked, typed)
        self._break_glass = break_glass
        self._informed = tuple(dict.fromkeys((*self._informed, *informed)))
        await followups.record_informed(self.workshop, informed, self.session.id)
        await self.post(
            ev.Confirmed(
                at=self._now(),
                step=self.session.step,
                plan_hash=state.plan_hash,
                text=typed,
                # a session is stored beside the record: what somebody typed is redacted here as well
                reason=self.workshop.redactor.text(reason),
                ticket=self.workshop.redactor.text(ticket),
            )
        )

    async def _hold_to_what_was_typed(self, asked: fx.AskConfirmation, typed: str) -> None:
        """A wrong name, and a missing yes, are refusals like any other: recorded, and nothing is done."""
        preview, target = self.showing.preview, asked.plan.target
        accepted = {asked.expected} if asked.expected else {"y", "yes", target}
        if preview is None or typed in accepted:
            return
        said = f"{typed!r} was typed" if typed else "it was not confirmed"
        verdict = Verdict(
            "confirmation",
            f"{said}, and the target is {target}",
            f"Type {asked.expected or 'yes'} to confirm, on the command line --confirm {target}.",
        )
        planned, standing = preview.writes[0], self.workshop.standing()
        await self.workshop.record(
            lambda store: refuse(planned.write, planned.facts, standing, store, verdict)
        )

    async def _tell_missing(self) -> None:
        """Somebody says that those whom the policy names have been told."""
        preview = self.showing.preview
        wanted = wanted_contacts(preview.writes[0].write, self._policy().inform) if preview else ()
        new = tuple(who for who in wanted if who not in self._informed)
        await followups.record_informed(self.workshop, new, self.session.id)
        self._informed = (*self._informed, *new)

    async def cancel(self, cause: str = "") -> None:
        """Stop, and wait until nothing of it runs any more."""
        await self.post(ev.CancelRequested(at=self._now(), cause=cause))
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def wait_until_quiet(self) -> None:
        """Wait until the session needs a person or is over."""
        while self._tasks or self._lock.locked():
            if self._tasks:
                await asyncio.wait(self._tasks)
            else:
                async with self._lock:
                    pass

    # the loop

    async def post(self, event: ev.Event) -> None:
        """Take one event in: the next state, saved, and its effects begun. One at a time."""
        async with self._lock:
            unit = self.session.unit if self.session.step else ""
            self.session, effects = advance(self.runbook, self.session, event)
            for effect in effects:
                await self._perform(effect)
            if unit:
                await self._settle_unit(unit)
            if self.session.phase not in {Phase.CONFIRMING, Phase.ACTING}:
                self._held.drop()
        self._changed(self)

    async def _perform(self, effect: fx.Effect) -> None:
        match effect:
            case fx.SaveSession():
                await self._sessions.save(self.session)
            case fx.RunPlaybook():
                self._spawn(self._run(effect), effect.run)
            case fx.TakeReading():
                self._spawn(self._read(effect), effect.run)
            case fx.CollectBeside():
                self._spawn(self._collect_beside(effect), effect.run)
            case fx.RunCheck():
                self._spawn(self._check(effect), effect.run)
            case fx.SettleRun():
                self._spawn(self._ask_what_it_left(effect), effect.run)
            case fx.CancelRun(run):
                if run in self._runs:
                    self._spawn(self._cancel_run(self._runs[run]), run)
            case fx.AskDecision():
                self._show(decision=effect)
            case fx.AskConfirmation():
                self._show(confirmation=effect)
                self._warm(effect)
            case fx.AskContact():
                self._show(contact=effect)
            case fx.OfferRollback():
                self._show(rollback=effect)
            case fx.Inform():
                if effect.level == "warning":  # stays on screen while the plan is read
                    self.showing.loud = tuple(dict.fromkeys((*self.showing.loud, effect.text)))
                else:
                    self.showing.message = effect.text
            case fx.Finish():
                self._show(offers=effect.offers)
                self.finished.set()

    def _warm(self, asked: fx.AskConfirmation) -> None:
        """Load the act's playbook while the person reads; the next run of the session is this one or none."""
        if not self.session.check_only:
            run = f"{self.session.id}-{self.session.run_count + 1}"
            self._held.hold(Wanted(run, asked.plan.playbook, asked.plan.target, self._timeout()))

    def _timeout(self) -> float:
        act = self.runbook.step(self.session.step)
        rollback = getattr(act, "rollback", None) if self.session.rolling_back else None
        return float(getattr(rollback or act, "timeout", 0))

    @property
    def at_rest(self) -> bool:
        """Whether the session is over, and nothing of it runs or is owed any more."""
        return self.session.over and not self._tasks and not self._outcomes.owes

    async def let_go(self) -> None:
        """At the end of posdeck: drop what is held ready, and write down what is still owed to the record."""
        self._held.drop()
        await self._held.dropped()
        await self._outcomes.close()

    def _show(self, **now: Any) -> None:
        """Only one thing is asked at a time: what was asked before goes."""
        old = self.showing
        self.showing = Showing(
            evidence=old.evidence, tasks=old.tasks, log=old.log, message=old.message, refusal=old.refusal,
            preview=old.preview, loud=old.loud, **now,
        )  # fmt: skip

    def _spawn(self, work: Coroutine[Any, Any, None], run: str) -> None:
        task = asyncio.get_running_loop().create_task(
            self._guarded(work, run), name=f"session {self.session.id}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None], run: str) -> None:
        """An error of the machinery ends the run it belongs to, with its text; it never leaves a session hanging."""
        try:
            await work
        except Exception as error:
            said = str(error) if isinstance(error, PosdeckError) else f"{type(error).__name__}: {error}"
            self.showing.message = said
            await self.post(self._broken(run, said))

    def _broken(self, run: str, cause: str) -> ev.Event:
        if self.session.phase is Phase.PREVIEWING:
            return ev.PreviewFailed(at=self._now(), run=run, cause=cause)
        if self.session.phase is Phase.COLLECTING:
            return ev.EvidenceArrived(at=self._now(), run=run, collected=False, summary=cause)
        if self.session.phase is Phase.VERIFYING:
            return ev.VerifyFinished(at=self._now(), run=run, verdict=ev.Verdict.CANNOT_TELL, detail=cause)
        if self.session.phase is Phase.SETTLING:
            return ev.Settled(at=self._now(), run=run, changed=ev.Changed.UNKNOWN, detail=cause)
        if not self.session.run_started:
            return ev.Refused(at=self._now(), run=run, rule="execution", cause=cause)
        return ev.RunFinished(at=self._now(), run=run, result=ev.RunResult.INCOMPLETE, message=cause)

    def _show_change(self) -> None:
        self._changed(self)
