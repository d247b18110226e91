"""A session without a screen: every question is answered by the options of the command line, or ends the work."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from posdeck.errors import ConfigurationError

if TYPE_CHECKING:
    from posdeck.cli.options import Options
    from posdeck.operations.console import Console
    from posdeck.operations.driver import SessionDriver
    from posdeck.operations.view import Confirmation, SessionView
    from posdeck.runbooks.plan import Plan


class Unattended:
    """One session driven by the options of the command line. A question that nothing answers ends it: it stays
    stored, and can be resumed with a screen."""

    def __init__(
        self,
        runbook_id: str,
        *,
        param: tuple[str, ...] = (),
        answer: tuple[str, ...] = (),
        confirm: str,
        reason: str,
        ticket: str,
        break_glass: str,
        informed: tuple[str, ...],
        rollback: bool = False,
        timeout: float,
        check: bool = False,
        output: str,
        resume: str = "",
        back: str = "",
        step: str = "",
    ) -> None:
        """``resume`` is a session to take up again, ``back`` one whose act (of ``step``) is to be taken back."""
        self.runbook_id = runbook_id
        self.params = _pairs("--param", param)
        self.answers = _pairs("--answer", answer)
        self.confirm, self.reason, self.ticket = confirm, reason, ticket
        self.break_glass, self.informed, self.rollback = break_glass, informed, rollback
        self.timeout, self.check, self.output, self.resume = timeout, check, output, resume
        self.back, self.step = back, step
        self._back_code: int | None = None
        # of what is only checked: what each act would do, as step, title and lines
        self.plans: list[tuple[str, str, list[str]]] = []
        self._told: set[tuple[str, str]] = set()
        self._stopped, self._cancelled = asyncio.Event(), False

    async def carry_out(self, options: Options) -> SessionView:
        """Connect, drive the session to its end or to a question without an answer, and leave."""
        from posdeck.cli.headless import console_of, live_view
        from posdeck.cluster.snapshot import Kind

        async with console_of(options) as console:
            await live_view(console, seconds=self.timeout, kinds=(Kind.PODS, Kind.DEPLOYMENTS), numbers=True)
            console.subscribe_sessions(self._tell)
            with self._stoppable():
                if self.back:
                    view = await console.take_back(self.back, self.step)
                elif self.resume:
                    view = await console.resume_session(self.resume)
                else:
                    view = await console.open_session(self.runbook_id, self.params, check_only=self.check)
                return await (self._go_back if self.back else self._drive)(console, view.id)

    async def _go_back(self, console: Console, session_id: str) -> SessionView:
        """Drive the way back alone; one that is refused, or not confirmed, leaves the session as it was."""
        from posdeck.operations.session_view import rollback_code

        driver = console.driver(session_id)
        try:
            view = await self._drive(console, session_id)
            self._back_code = rollback_code(driver)
        finally:
            if driver.session.rolling_back:
                await driver.cancel()
        return view

    def exit_code(self, view: SessionView) -> int | None:
        """That of the session, or of the way back where one was asked for; None while something is waited for."""
        return self._back_code if self.back else view.exit_code

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Ctrl-C, a request to end and a lost terminal stop what runs, as the step's on_cancel says."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._stopped.set)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    async def _quiet(self, driver: SessionDriver) -> None:
        """Until the session needs somebody or is over; when asked to stop, until nothing of it runs any more."""
        quiet = asyncio.ensure_future(driver.wait_until_quiet())
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait((quiet, stopped), return_when=asyncio.FIRST_COMPLETED)
            if self._stopped.is_set() and not self._cancelled and not driver.finished.is_set():
                self._cancelled = True
                await driver.cancel("posdeck was asked to stop")
            await quiet
        finally:
            stopped.cancel()

    async def _drive(self, console: Console, session_id: str) -> SessionView:
        driver = console.driver(session_id)
        while not driver.finished.is_set():
            await self._quiet(driver)
            view = console.session(session_id)
            if driver.finished.is_set() or (self.back and not driver.session.rolling_back):
                break
            if self._cancelled and driver.session.phase.value not in {"telling", "offering"}:
                break  # what follows a stop is told, and nothing more is begun
            if view.confirmation is not None:
                _tell_plan(view.confirmation)
                await console.confirm(
                    session_id,
                    typed=self.confirm,
                    reason=self.reason,
                    ticket=self.ticket,
                    break_glass=self.break_glass,
                    informed=self.informed,
                )
            elif view.question is not None and (choice := self._choice(driver, view)):
                await console.answer(session_id, choice)
            elif driver.session.phase.value == "refused":
                break
            else:
                break
        await self._quiet(driver)
        if self.check:
            self.plans = [
                (key, driver.runbook.step(key).title, _plan_lines(state.plan))
                for key, state in driver.session.steps.items()
                if state.plan is not None
            ]
        return console.session(session_id)

    def _choice(self, driver: Any, view: SessionView) -> str:
        from posdeck.runbooks.conditions import unattended_choice
        from posdeck.runbooks.session import Phase

        assert view.question is not None
        phase, step = driver.session.phase, view.question.step
        if phase is Phase.REFUSED:
            return ""
        if phase is Phase.OFFERING:
            return "rollback" if self.rollback else "decline"
        if phase is Phase.TELLING:
            return self.answers.get(step, "later")
        if step in self.answers:
            return self.answers[step]
        asked = driver.showing.decision
        return unattended_choice(driver.runbook.step(step), asked.suggestion)

    def _tell(self, view: SessionView) -> None:
        """Progress on standard error, a line for each change; standard output keeps the result."""
        for step in view.steps:
            mark = (step.id, step.state.value)
            if step.state.value != "waiting" and mark not in self._told:
                self._told.add(mark)
                answer = f" → {step.answer}" if step.answer else ""
                with contextlib.suppress(OSError):  # a lost terminal must not disturb what goes on
                    click.echo(f"{step.state.value:>11}  {step.title}{answer}", err=True)


def _tell_plan(asked: Confirmation) -> None:
    """What is about to be confirmed, with its difference, on standard error."""
    lines = (
        asked.title,
        *(f"  {each}" for each in asked.will),
        *(f"  {line}" for line in asked.diff.splitlines()),
    )
    for line in (*lines, *(f"  ! {warning}" for warning in asked.warnings)):
        with contextlib.suppress(OSError):
            click.echo(line, err=True)


def _plan_lines(plan: Plan) -> list[str]:
    """What an act would do: each object, and each of its fields before and after."""
    lines = []
    for each in plan.objects:
        lines.append(f"{each.kind.lower()}/{each.name}")
        lines += [f"  {c.path}: {_value(c.before)} → {_value(c.after)}" for c in each.changes]
    return lines or ["nothing: it is so already"]


def _value(text: str | None) -> str:
    return "–" if text is None else text


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise ConfigurationError(f"{option} {each}", "is not NAME=VALUE", f"Write {option} name=value.")
        found[name] = value
    return found
