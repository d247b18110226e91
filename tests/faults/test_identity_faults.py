"""Logins that end, rights that come late, clocks that jump, and a metrics API that goes: over by themselves."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.faults.conftest import WATCHED, Watch, plan
from tests.faults.faulty_api import Fault, FaultyApi
from tests.operations.opened_console import private_folders

from posdeck.clock import ManualClock, SystemClock
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.errors import RefusedError
from posdeck.operations.console import Console
from posdeck.operations.embedded import seed_of
from posdeck.operations.opening import Request, open_content
from posdeck.operations.view import View
from posdeck.simulator.server import Simulator

pytestmark = pytest.mark.long
Record = Callable[[str, object], None]
PLUGIN = """
import json, os, pathlib, sys
said = pathlib.Path(sys.argv[1]).read_text()
if said.startswith("fail"):
    sys.exit("the single sign-on session has expired, run: sso login")
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
print(json.dumps({"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": {"token": said}}))
"""


class SetClock(SystemClock):
    """A clock that somebody sets; time goes on as ever."""

    offset = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.offset


class Bench:
    """A console that is opened as the test says, on an API with faults."""

    def __init__(self, api: FaultyApi, cluster: Simulator, folder: Path) -> None:
        self.api, self.cluster, self.folder = api, cluster, folder
        self.clock = SetClock()
        self.console: Console | None = None

    async def open(self, user: dict[str, object] | None = None) -> Console:
        kubeconfig = self.api.write_kubeconfig(self.folder / "kubeconfig", self.cluster.seed.namespace, user)
        content = open_content(Request(kubeconfig=kubeconfig, environment="simulated"))
        self.console = Console(content, clock=self.clock)
        await self.console.start()
        return self.console

    async def sees(self, condition: Callable[[View], bool]) -> View:
        assert self.console is not None
        async with asyncio.timeout(30):
            return await self.console.wait_for(condition)

    async def live(self) -> float:
        """Seconds until every watched kind is live."""
        began = time.monotonic()
        await self.sees(lambda v: all(v.snapshot.feed(k).state is FeedState.LIVE for k in WATCHED))
        return time.monotonic() - began


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    private_folders(monkeypatch, tmp_path)
    cluster = Simulator(
        seed_of(open_content(Request(environment="simulated")).catalogue), clock=ManualClock()
    )
    await cluster.start()
    api = FaultyApi(cluster)
    await api.start()
    made = Bench(api, cluster, tmp_path)
    yield made
    if made.console is not None:
        await made.console.stop()
    await api.stop()
    await cluster.stop()


async def test_a_login_that_ends_is_told_in_the_plugins_words_and_is_back_by_itself(
    bench: Bench, record_property: Record
) -> None:
    script, token = bench.folder / "plugin.py", bench.folder / "token"
    script.write_text(PLUGIN)
    token.write_text("first")
    bench.api.accepted = {"first"}
    console = await bench.open(
        {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": sys.executable,
                "args": [str(script), str(token)],
                "interactiveMode": "Never",
            }
        }
    )
    await bench.live()
    await console.settled.wait()
    pods = set(console.view.snapshot.pods)
    planned = await plan(console)
    watch = Watch(console, bench.api, bench.cluster, planned)

    bench.api.accepted = {"second"}
    token.write_text("fail")
    bench.api.cut()
    shown = await bench.sees(lambda v: "sso login" in v.snapshot.feed(Kind.PODS).reason)
    assert shown.snapshot.feed(Kind.PODS).state is FeedState.AUTH_EXPIRED
    assert set(shown.snapshot.pods) == pods
    with pytest.raises(RefusedError):
        await watch.write()

    token.write_text("second")
    record_property("recovered_after", await bench.live())
    await watch.may_write_again()
    assert watch.refusals()


async def test_rights_given_after_the_start_are_used_within_seconds(
    bench: Bench, record_property: Record
) -> None:
    bench.api.set(Fault(403))
    await bench.open()
    await bench.sees(lambda v: all(v.snapshot.feed(k).state is FeedState.FORBIDDEN for k in WATCHED))
    bench.api.set(None)
    record_property("recovered_after", await bench.live())


async def test_the_metrics_api_goes_and_comes_back(bench: Bench, record_property: Record) -> None:
    await bench.open()
    await bench.live()
    await bench.sees(lambda v: bool(v.snapshot.pod_usage))
    bench.api.set(Fault(404, prefix="/apis/metrics.k8s.io"))
    shown = await bench.sees(lambda v: v.snapshot.feed(Kind.POD_METRICS).state is FeedState.ABSENT)
    assert not shown.snapshot.pod_usage, "no number is kept as if it were one"
    assert shown.snapshot.feed(Kind.PODS).state is FeedState.LIVE
    bench.api.set(None)
    began = time.monotonic()
    await bench.sees(lambda v: bool(v.snapshot.pod_usage))
    record_property("recovered_after", time.monotonic() - began)


@pytest.mark.parametrize("jump", [timedelta(hours=3), timedelta(hours=-3)], ids=["forward", "back"])
async def test_a_clock_that_is_set_disturbs_nothing(
    bench: Bench, jump: timedelta, record_property: Record
) -> None:
    console = await bench.open()
    await bench.live()
    await console.settled.wait()
    watch = Watch(console, bench.api, bench.cluster, await plan(console))
    await watch.write()
    pods = set(console.view.snapshot.pods)
    bench.clock.offset = jump
    began = time.monotonic()
    after = await bench.sees(
        lambda v: all(
            (at := v.snapshot.feed(k).confirmed_at) is not None and abs(bench.clock.now() - at).seconds < 60
            for k in WATCHED
        )
    )
    await bench.live()
    record_property("recovered_after", time.monotonic() - began)
    assert set(after.snapshot.pods) == pods
    watch.planned = await plan(console)
    await watch.write()
    assert watch.refusals() == []


async def test_a_full_quota_refuses_the_write_before_it(bench: Bench) -> None:
    """Every file may only be so large, as under a quota: the probe of the record's folder meets it."""
    import resource

    console = await bench.open()
    await bench.live()
    await console.settled.wait()
    watch = Watch(console, bench.api, bench.cluster, await plan(console))
    await watch.write()
    before, limits = watch.generation(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(RefusedError) as refused:
            await watch.write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "record" in refused.value.rule
    assert watch.generation() == before
    await watch.may_write_again()
    assert os.listdir(console.opening.audit_file.parent)
