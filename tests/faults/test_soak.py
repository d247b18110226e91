"""One simulated hour at 1,000 pods with churn, faults and runs: memory stays flat, and no task, file or thread is left.

The cluster runs in a process of its own. ``POSDECK_SOAK`` sets the simulated minutes, the pods, and how
much faster than life the time goes: "60:1000:4" unless it is set.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.acceptance.conftest import RESTART_NOW
from tests.faults.conftest import CONSUMER, plan
from tests.faults.fast_clock import FastClock
from tests.operations.opened_console import private_folders

from posdeck.audit.record import Result
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.errors import PosdeckError
from posdeck.operations import acting, journal
from posdeck.operations.console import Console
from posdeck.operations.opening import Request, open_content
from posdeck.operations.view import SessionView

pytestmark = [pytest.mark.long, pytest.mark.ansible]
WRITE_EVERY, RUN_EVERY = 37.0, 120.0  # simulated seconds, not in step with the faults
MORE_MEMORY = 0.05  # by which the median of the last third may be over that of the second
CONSUMERS = ("consumer-order", "consumer-customer", "consumer-default", "consumer-pos-order")


@dataclass(frozen=True, slots=True)
class Use:
    """What the process holds."""

    minute: float
    resident: int
    tasks: int
    files: int
    threads: int

    @classmethod
    def now(cls, minute: float) -> Use:
        gc.collect()
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        files = len(os.listdir("/proc/self/fd"))
        # those of the loop's own pool are made when they are needed, up to a few, and kept
        threads = [t for t in threading.enumerate() if not t.name.startswith("asyncio")]
        return cls(minute, resident, len(asyncio.all_tasks()), files, len(threads))

    def __str__(self) -> str:
        return (
            f"{self.minute:5.1f} min {self.resident / 2**20:6.1f} MB {self.tasks:3} tasks {self.files:3} files "
            f"{self.threads:2} threads"
        )


@asynccontextmanager
async def cluster_of(folder: Path, began: float, pods: int, factor: float) -> AsyncIterator[Path]:
    """The cluster in its own process."""
    kubeconfig = folder / "kubeconfig"
    with (folder / "cluster.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.soak_cluster", str(kubeconfig), str(began), str(factor), str(pods),
            stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log, cwd=Path(__file__).parents[2],
        )  # fmt: skip
    try:
        async with asyncio.timeout(400):
            while not kubeconfig.exists():
                await asyncio.sleep(0.1)
                assert process.returncode is None, (folder / "cluster.log").read_text()
        yield kubeconfig
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()


def kinds() -> Counter[str]:
    """How many objects of each type the process holds."""
    gc.collect()
    return Counter(f"{type(o).__module__}.{type(o).__qualname__}" for o in gc.get_objects())


async def write(console: Console) -> str:
    """Pass the gate with a fresh preview; why not, where the API is broken just now."""
    assert console.workshop is not None
    try:
        planned = await plan(console)
        permits = await acting.authorise_all(
            console.workshop, [planned], typed=CONSUMER, reason="the soak test"
        )
    except PosdeckError as problem:
        return str(problem)
    await acting.settle_all(console.workshop, permits, Result.NOTHING_CHANGED, message="nothing is sent")
    return ""


async def run(console: Console, consumer: str) -> str:
    """Restart a consumer with its runbook, to the end or to what cannot go on; how it ended."""
    opened = await console.open_session("restart-now", {"consumer": consumer})
    driver = console.driver(opened.id)
    try:
        view = await _led(console, opened.id, consumer)
        refused = driver.showing.refusal
        return view.result or (f"refused by rule {refused.rule}" if refused else "stopped")
    finally:
        if not driver.finished.is_set():
            await console.cancel(opened.id)


async def _led(console: Console, session: str, consumer: str) -> SessionView:
    """Say yes to all that is asked, until it is over or cannot go on."""
    driver = console.driver(session)
    for _ in range(12):
        with suppress(TimeoutError):
            async with asyncio.timeout(90):
                await driver.wait_until_quiet()
        view = console.session(session)
        if driver.finished.is_set():
            return view
        if view.confirmation is not None:
            await console.confirm(
                session, typed=consumer, reason="the soak test", ticket="", informed=("operations",)
            )
        else:
            break
    return console.session(session)


async def run_again_and_again(console: Console, clock: FastClock, results: Counter[str]) -> None:
    """One run after the other, beside everything else."""
    for consumer in itertools.cycle(CONSUMERS):
        await clock.sleep(RUN_EVERY)
        try:
            results[await run(console, consumer)] += 1
        except PosdeckError as problem:
            results[str(problem)] += 1  # the API was broken just then


def own_content(folder: Path) -> Path:
    """A runbook that restarts at once, as often as it is asked to."""
    (folder / "runbooks").mkdir(parents=True)
    (folder / "runbooks" / "restart-now.yml").write_text(RESTART_NOW)
    return folder


async def test_an_hour_at_a_thousand_pods_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: object
) -> None:
    private_folders(monkeypatch, tmp_path)
    monkeypatch.setenv("POSDECK_CONTENT", str(own_content(tmp_path / "content")))
    minutes, pods, factor = (float(x) for x in os.environ.get("POSDECK_SOAK", "60:1000:4").split(":"))
    began = time.monotonic()
    clock = FastClock(began, factor)
    uses: list[Use] = []
    writes, refused = 0, list[str]()
    runs: Counter[str] = Counter()
    early: Counter[str] | None = None
    async with cluster_of(tmp_path, began, int(pods), factor) as kubeconfig:
        at_rest = Use.now(0.0)
        console = Console(open_content(Request(kubeconfig=kubeconfig, environment="simulated")), clock=clock)
        await console.start()
        async with asyncio.timeout(400):
            await console.wait_for(lambda v: len(v.snapshot.pods) > 0.9 * pods)
        start = clock.monotonic()
        running = asyncio.ensure_future(run_again_and_again(console, clock, runs))
        while (passed := clock.monotonic() - start) < minutes * 60:
            await clock.sleep(WRITE_EVERY)
            if problem := await write(console):
                refused.append(problem)
                print(problem, flush=True)
            else:
                writes += 1
            uses.append(Use.now(passed / 60))
            if early is None and passed > minutes * 20:
                early = kinds()
            print(
                uses[-1],
                f"{writes} passed, {len(refused)} refused, {runs.total()} runs, {len(console.view.snapshot.pods)} pods, {len(console.view.problems)} problems",
                flush=True,
            )
        running.cancel()
        async with asyncio.timeout(200):
            final = await console.wait_for(lambda v: v.snapshot.feed(Kind.PODS).state is FeedState.LIVE)
        assert len(final.snapshot.pods) > 0.9 * pods
        grown = kinds() - (early or Counter())
        print("more than at a third of the time:", grown.most_common(25), flush=True)
        await console.stop()
        with journal.reading_store(console.opening.audit_file) as store:
            assert store.verify().ok
            records = list(store.records())
        del console, final
        for _ in range(20):
            await asyncio.sleep(0.05)
        after = Use.now(minutes)
    print(
        f"at rest {at_rest}\nafter   {after}\n{writes} writes passed, {len(refused)} refused; runs: {dict(runs)}"
    )
    assert writes > len(refused), refused
    assert sum(n for how, n in runs.items() if how.endswith("It was restarted.")) >= 3, runs
    intents = {r.content["id"] for r in records if r.kind == "intent"}
    assert intents == {r.content["intent_id"] for r in records if r.kind == "outcome"}
    assert after.tasks <= at_rest.tasks
    assert after.files <= at_rest.files + 2
    flat(uses)


def flat(uses: list[Use]) -> None:
    """The last third holds no more than the second: both have met every fault. The first is for warming up."""
    third = len(uses) // 3
    second, last = uses[third : 2 * third], uses[2 * third :]
    for name, margin in (("tasks", 4), ("files", 4), ("threads", 0)):
        before, then = (min(getattr(u, name) for u in part) for part in (second, last))
        assert then <= before + margin, f"{name}: at least {before}, then {then}"
    before, then = (statistics.median(u.resident for u in part) for part in (second, last))
    assert then <= before * (1 + MORE_MEMORY), f"{before / 2**20:.1f} MB, then {then / 2**20:.1f} MB"
