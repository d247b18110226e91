"""A login is renewed before it ends and after it is refused, and a plugin's own words reach the reader."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from posdeck.clock import ManualClock
from posdeck.cluster.credentials import Credential, credentials_for
from posdeck.cluster.kubeconfig import ExecSpec, Server, Target, User
from posdeck.errors import AuthExpiredError

V1 = "client.authentication.k8s.io/v1"


def target(user: User) -> Target:
    return Target("c", "n", Server("https://k", ca=b"CA", plugin_config={"audience": "x"}), user)


def plugin(tmp_path: Path, body: str, **spec: Any) -> ExecSpec:
    """A plugin that counts its runs in ``runs`` and then does ``body``."""
    script = tmp_path / "plugin.py"
    script.write_text(
        "import json, os, sys, time\n"
        f"with open({str(tmp_path / 'runs')!r}, 'a') as f: f.write('x')\n"
        f"runs = os.path.getsize({str(tmp_path / 'runs')!r})\n"
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "def say(**status): print(json.dumps({'apiVersion': info['apiVersion'], 'kind': 'ExecCredential',"
        " 'status': status}))\n" + body
    )
    return ExecSpec(**({"command": sys.executable, "api_version": V1, "args": (str(script),)} | spec))


def runs(tmp_path: Path) -> int:
    return (tmp_path / "runs").stat().st_size


def bearer(credential: Credential) -> str:
    return dict(credential.headers)["Authorization"]


async def test_a_static_token_is_sent_and_cannot_be_renewed(clock: ManualClock) -> None:
    source = credentials_for(target(User(token="t", impersonate=(("Impersonate-User", "u"),))), clock)
    credential = await source.current()
    assert credential.headers == (("Authorization", "Bearer t"), ("Impersonate-User", "u"))
    assert await source.renew(credential) is None


async def test_username_and_password_are_sent_as_basic(clock: ManualClock) -> None:
    source = credentials_for(target(User(username="me", password="pw")), clock)
    assert bearer(await source.current()) == "Basic bWU6cHc="


async def test_a_token_file_is_read_again(tmp_path: Path, clock: ManualClock) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    source = credentials_for(target(User(token_file=file)), clock)
    assert bearer(await source.current()) == "Bearer one"
    file.write_text("two")
    assert bearer(await source.current()) == "Bearer one"
    await clock.advance(11)
    assert bearer(await source.current()) == "Bearer two"
    file.write_text("three")
    renewed = await source.renew(await source.current())
    assert renewed is not None
    assert bearer(renewed) == "Bearer three"
    file.unlink()
    await clock.advance(11)
    assert bearer(await source.current()) == "Bearer three"


async def test_a_missing_token_file_is_named(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(AuthExpiredError, match="No such file"):
        await credentials_for(target(User(token_file=tmp_path / "none")), clock).current()


async def test_a_plugin_runs_once_until_shortly_before_its_token_ends(
    tmp_path: Path, clock: ManualClock
) -> None:
    end = (clock.now() + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    spec = plugin(tmp_path, f"say(token=f't{{runs}}', expirationTimestamp={end!r})\n")
    source = credentials_for(target(User(exec=spec)), clock)
    assert bearer(await source.current()) == "Bearer t1"
    await clock.advance(530)
    assert bearer(await source.current()) == "Bearer t1"
    await clock.advance(20)
    assert bearer(await source.current()) == "Bearer t2"
    assert runs(tmp_path) == 2


async def test_a_refused_token_is_replaced_by_another_run(tmp_path: Path, clock: ManualClock) -> None:
    source = credentials_for(target(User(exec=plugin(tmp_path, "say(token=f't{runs}')\n"))), clock)
    first = await source.current()
    second = await source.renew(first)
    assert second is not None
    assert bearer(second) == "Bearer t2"
    late = await source.renew(first)  # another request met the same 401: no third run
    assert late is second
    assert runs(tmp_path) == 2


async def test_a_plugin_may_give_a_client_certificate(tmp_path: Path, clock: ManualClock) -> None:
    spec = plugin(tmp_path, "say(clientCertificateData='C', clientKeyData='K')\n")
    credential = await credentials_for(target(User(exec=spec)), clock).current()
    assert (credential.certificate, credential.key) == (b"C", b"K")


async def test_a_plugin_is_told_about_the_cluster_when_it_asks(tmp_path: Path, clock: ManualClock) -> None:
    body = "say(token=json.dumps([info['spec']['cluster']['server'], info['spec']['cluster']['config']]))\n"
    spec = plugin(tmp_path, body, provide_cluster_info=True, environment=(("A", "B"),))
    credential = await credentials_for(target(User(exec=spec)), clock).current()
    assert json.loads(bearer(credential).removeprefix("Bearer ")) == ["https://k", {"audience": "x"}]


FAILURES = {
    "it fails with words": (
        "sys.stderr.write('\\x1b[31mtoken has expired\\x1b[0m'); sys.exit(3)", "code 3: token has expired",
    ),
    "it prints rubbish": ("print('hello')", "no ExecCredential"),
    "it prints nothing useful": ("say()", "neither a token nor"),
    "it prints half a certificate": ("say(clientCertificateData='C')", "only half"),
    "it speaks another version": (
        "print(json.dumps({'apiVersion': 'v2', 'kind': 'ExecCredential', 'status': {'token': 't'}}))", "'v2'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILURES)
async def test_a_failing_plugin_is_explained(case: str, tmp_path: Path, clock: ManualClock) -> None:
    body, words = FAILURES[case]
    spec = plugin(tmp_path, body + "\n", install_hint="Run our-login first.")
    with pytest.raises(AuthExpiredError) as caught:
        await credentials_for(target(User(exec=spec)), clock).current()
    assert words in caught.value.cause
    assert "\x1b" not in str(caught.value)
    assert caught.value.remedy == "Run our-login first."


async def test_a_failing_plugin_is_not_run_by_every_watch(tmp_path: Path, clock: ManualClock) -> None:
    source = credentials_for(target(User(exec=plugin(tmp_path, "sys.exit(1)\n"))), clock)
    for _ in range(5):
        with pytest.raises(AuthExpiredError):
            await source.current()
    assert runs(tmp_path) == 1
    await clock.advance(4)
    with pytest.raises(AuthExpiredError):
        await source.current()
    assert runs(tmp_path) == 2


async def test_a_hanging_plugin_is_ended(tmp_path: Path) -> None:
    class Impatient(ManualClock):
        async def sleep(self, seconds: float) -> None:
            return

    spec = plugin(tmp_path, "time.sleep(600)\n")
    with pytest.raises(AuthExpiredError, match="no answer within 20 s"):
        await credentials_for(target(User(exec=spec)), Impatient()).current()


async def test_a_missing_plugin_is_named(clock: ManualClock) -> None:
    spec = ExecSpec("no-such-login-plugin", V1, install_hint="Install it.")
    with pytest.raises(AuthExpiredError, match=r"cannot be started.*Install it"):
        await credentials_for(target(User(exec=spec)), clock).current()


async def test_a_plugin_that_must_ask_is_not_started(tmp_path: Path, clock: ManualClock) -> None:
    spec = plugin(tmp_path, "say(token='t')\n", interactive_mode="Always")
    with pytest.raises(AuthExpiredError, match="terminal is in use"):
        await credentials_for(target(User(exec=spec)), clock).current()
    assert not (tmp_path / "runs").exists()
