"""A run prepared while its confirmation is open is used for exactly that run, or ended without having begun."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from posdeck.errors import ExecutionError
from posdeck.operations import warming
from posdeck.operations.warming import Held, Wanted

ACT = Wanted("s1-2", "restart.yml", "consumer-order", 60.0)


class Prepared:
    """Stands for a run that waits at its gate."""

    def __init__(self) -> None:
        self.has_ended = False
        self.discarded = False

    async def discard(self) -> None:
        self.discarded = True


class Runner:
    """Prepares, or fails to."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.prepared: list[Prepared] = []
        self._problem = problem

    async def prepare(self, request: Any) -> Prepared:
        if self._problem is not None:
            raise self._problem
        self.prepared.append(Prepared())
        return self.prepared[-1]


@pytest.fixture
def lay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder with its credential, without a cluster to freeze one of."""

    def folder(workshop: Any, *, run_id: str, **_: Any) -> str:
        made: Path = workshop.state / "runs" / run_id
        made.mkdir(parents=True)
        (made / "kubeconfig").write_text("secret")
        return run_id

    monkeypatch.setattr(warming, "lay_out_run", folder)


def held_by(runner: Runner, state: Path) -> Held:
    workshop: Any = SimpleNamespace(runner=runner, state=state)
    return Held(workshop)


@pytest.mark.usefixtures("lay_out")
async def test_the_confirmed_run_is_the_one_that_was_prepared(tmp_path: Path) -> None:
    runner = Runner()
    held = held_by(runner, tmp_path)
    held.hold(ACT)
    assert await held.take(ACT) is runner.prepared[0]
    assert not runner.prepared[0].discarded
    assert await held.take(ACT) is None, "a prepared run is given out once"


@pytest.mark.usefixtures("lay_out")
@pytest.mark.parametrize(
    "other",
    [
        Wanted("s1-3", "restart.yml", "consumer-order", 60.0),
        Wanted("s1-2", "scale.yml", "consumer-order", 60.0),
        Wanted("s1-2", "restart.yml", "consumer-rate", 60.0),
    ],
)
async def test_another_run_never_gets_it(tmp_path: Path, other: Wanted) -> None:
    runner = Runner()
    held = held_by(runner, tmp_path)
    held.hold(ACT)
    assert await held.take(other) is None
    assert runner.prepared[0].discarded
    assert not (tmp_path / "runs" / ACT.run_id).exists(), "its credential must not stay behind"


@pytest.mark.usefixtures("lay_out")
async def test_a_declined_act_leaves_nothing_behind(tmp_path: Path) -> None:
    runner = Runner()
    held = held_by(runner, tmp_path)
    held.hold(ACT)
    held.drop()
    await held.dropped()
    assert [p.discarded for p in runner.prepared] == [True]
    assert not (tmp_path / "runs" / ACT.run_id).exists()


@pytest.mark.usefixtures("lay_out")
async def test_one_that_died_while_it_was_held_is_replaced_by_a_new_run(tmp_path: Path) -> None:
    runner = Runner()
    held = held_by(runner, tmp_path)
    held.hold(ACT)
    while not runner.prepared:
        await held._preparing  # type: ignore[misc]
    runner.prepared[0].has_ended = True
    assert await held.take(ACT) is None
    assert not (tmp_path / "runs" / ACT.run_id).exists(), "the new run needs a new folder"


@pytest.mark.usefixtures("lay_out")
async def test_what_cannot_be_prepared_is_started_when_it_is_confirmed(tmp_path: Path) -> None:
    held = held_by(Runner(ExecutionError("run s1-2", "no processes left", "Free some.")), tmp_path)
    held.hold(ACT)
    assert await held.take(ACT) is None
