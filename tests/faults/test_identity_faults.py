"""Logins that end, rights that come late, clocks that jump, and a metrics API that goes: over by themselves."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.cluster.control_plane import ControlPlane
from tests.cluster.identities import OPERATORS
from tests.faults.bench import Bench
from tests.faults.client_certificates import ClientAuthority
from tests.faults.conftest import WATCHED, Watch, plan
from tests.faults.faulty_api import Fault, FaultyApi
from tests.operations.opened_console import private_folders

from posdeck.clock import SystemClock
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.errors import RefusedError
from posdeck.operations.console import Console
from posdeck.operations.opening import Request, open_content

Record = Callable[[str, object], None]
PLUGIN = """
import json, os, pathlib, sys
said = pathlib.Path(sys.argv[1]).read_text()
if said.startswith("fail"):
    sys.exit("the single sign-on session has expired, run: sso login")
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
print(json.dumps({"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": {"token": said}}))
"""


@pytest.mark.long
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


@pytest.mark.long
async def test_rights_given_after_the_start_are_used_within_seconds(
    bench: Bench, record_property: Record
) -> None:
    bench.api.set(Fault(403))
    await bench.open()
    await bench.sees(lambda v: all(v.snapshot.feed(k).state is FeedState.FORBIDDEN for k in WATCHED))
    bench.api.set(None)
    record_property("recovered_after", await bench.live())


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.parametrize("refused_by", ["server", pytest.param("tls", marks=pytest.mark.long)])
async def test_an_expired_client_certificate_is_told_and_its_successor_used(
    bench: Bench, refused_by: str, record_property: Record
) -> None:
    """A Kubernetes server answers 401; what stands in front of one breaks the handshake off."""
    authority = ClientAuthority()
    first = authority.issue("someone", life=timedelta(hours=1))
    await bench.api.stop()
    bench.api.clients, bench.api.accepted_certificates = authority.pem, {first.der}
    await bench.api.start()
    console = await bench.open(first.user)
    await bench.live()
    await console.settled.wait()
    pods = set(console.view.snapshot.pods)
    watch = Watch(console, bench.api, bench.cluster, await plan(console))

    bench.clock.offset = timedelta(hours=2)
    bench.api.accepted_certificates = set()
    if refused_by == "tls":
        await bench.api.stop()
        bench.api.clients = ClientAuthority().pem
        await bench.api.start()
    bench.api.cut()
    told = re.compile(r"client certificate of .* expired at \d{4}-\d\d-\d\d")
    state = FeedState.AUTH_EXPIRED if refused_by == "server" else FeedState.STALE
    shown = await bench.sees(
        lambda v: (
            all(v.snapshot.feed(k).state is state for k in WATCHED)
            and bool(told.search(v.snapshot.feed(Kind.PODS).reason))
        )
    )
    assert set(shown.snapshot.pods) == pods
    with pytest.raises(RefusedError):
        await watch.write()

    second = authority.issue("someone", life=timedelta(hours=9))
    if refused_by == "tls":
        await bench.api.stop()
        bench.api.clients = authority.pem
        await bench.api.start()
    bench.api.accepted_certificates = {second.der}
    bench.api.write_kubeconfig(bench.folder / "kubeconfig", bench.cluster.seed.namespace, second.user)
    record_property("recovered_after", await bench.live())
    await watch.may_write_again()
    assert watch.refusals()


async def test_a_kubeconfig_that_leads_elsewhere_by_now_is_not_followed(bench: Bench) -> None:
    """Only who we are is read again; where we are stays as it was."""
    bench.api.accepted = {"first"}
    console = await bench.open({"token": "first"})
    await bench.live()
    other = FaultyApi(bench.cluster)
    await other.start()
    try:
        other.write_kubeconfig(bench.folder / "kubeconfig", bench.cluster.seed.namespace, {"token": "second"})
        bench.api.accepted = {"second"}
        bench.api.cut()
        shown = await bench.sees(
            lambda v: all(v.snapshot.feed(k).state is FeedState.AUTH_EXPIRED for k in WATCHED)
        )
        assert shown.snapshot.pods
        assert other.watching == 0
        bench.api.write_kubeconfig(
            bench.folder / "kubeconfig", bench.cluster.seed.namespace, {"token": "second"}
        )
        await bench.live()
        assert console.view.snapshot.pods
    finally:
        await other.stop()


@pytest.mark.long
@pytest.mark.cluster
async def test_a_real_server_refuses_an_expired_certificate_until_there_is_another(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    record_property: Record,
) -> None:  # fmt: skip
    private_folders(monkeypatch, tmp_path)
    pki = control_plane.state / "pki"
    authority = ClientAuthority(pki / "ca.crt", pki / "ca.key")
    path = tmp_path / "kubeconfig"
    content = json.loads(control_plane.identity("operator", namespace).read_text())

    def log_in(life: timedelta) -> None:
        content["users"][0]["user"] = authority.issue("someone", OPERATORS, life=life).user
        path.touch(mode=0o600)
        path.write_text(json.dumps(content))

    log_in(timedelta(hours=-1))
    console = Console(
        open_content(Request(kubeconfig=path, environment="simulated", namespace=namespace)),
        clock=SystemClock(),
    )
    await console.start()
    try:
        async with asyncio.timeout(30):
            shown = await console.wait_for(
                lambda v: v.snapshot.feed(Kind.PODS).state is FeedState.AUTH_EXPIRED
            )
            assert "expired at" in shown.snapshot.feed(Kind.PODS).reason
            log_in(timedelta(hours=1))
            began = time.monotonic()
            await console.wait_for(lambda v: v.snapshot.feed(Kind.PODS).state is FeedState.LIVE)
            record_property("recovered_after", time.monotonic() - began)
    finally:
        await console.stop()
