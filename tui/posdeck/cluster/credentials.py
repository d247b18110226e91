"""What is sent to prove who we are, renewed before it expires and after a 401.

An expired login is the commonest reason for a console to go blind, so a plugin's own words end up in the
error.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from posdeck.clock import Clock
from posdeck.cluster.kubeconfig import ExecSpec, Server, Target, User
from posdeck.errors import AuthExpiredError
from posdeck.kubetext.ages import parse_time

Header = tuple[str, str]

_EARLY = timedelta(seconds=60)  # renew this long before expiry, so that no request meets it
_TOKEN_FILE_PERIOD = 10.0  # seconds; client-go re-reads as often
_AFTER_FAILURE = 3.0  # seconds in which a failed plugin is not run again, however many watches ask
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Credential:
    """Headers and, perhaps, a client certificate (PEM)."""

    headers: tuple[Header, ...] = field(default=(), repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    expires: datetime | None = None


class Credentials(Protocol):
    """Where credentials come from."""

    async def current(self) -> Credential:
        """The credential to use now. Raises AuthExpiredError."""
        ...

    async def renew(self, refused: Credential) -> Credential | None:
        """Another credential after ``refused`` met a 401, or None when there is no other."""
        ...


def credentials_for(target: Target, clock: Clock, *, timeout: float = 20.0) -> Credentials:
    """The credentials of a target. ``timeout`` (seconds) bounds one run of an exec plugin.

    As in client-go, a static token or password goes before a plugin, and a token file before a token.
    """
    user = target.user
    base = Credential(user.impersonate, user.certificate, user.key)
    if user.token_file is not None:
        return TokenFileCredentials(user, base, clock)
    if user.token:
        return StaticCredentials(_bearer(base, user.token))
    if user.username or user.password:
        pair = base64.b64encode(f"{user.username}:{user.password}".encode()).decode()
        return StaticCredentials(_with_authorization(base, f"Basic {pair}"))
    if user.exec is not None:
        return ExecCredentials(user.exec, target.server, base, clock, timeout=timeout)
    return StaticCredentials(base)


def _bearer(base: Credential, token: str, expires: datetime | None = None) -> Credential:
    return _with_authorization(base, f"Bearer {token}", expires)


def _with_authorization(base: Credential, value: str, expires: datetime | None = None) -> Credential:
    return Credential((("Authorization", value), *base.headers), base.certificate, base.key, expires)


class StaticCredentials:
    """A certificate, token or password that does not change."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential

    async def current(self) -> Credential:
        return self._credential

    async def renew(self, refused: Credential) -> Credential | None:
        return None


class TokenFileCredentials:
    """A token in a file that someone else keeps fresh, such as a projected service account token."""

    def __init__(self, user: User, base: Credential, clock: Clock) -> None:
        self._user = user
        self._base = base
        self._clock = clock
        self._read_at = float("-inf")
        self._credential: Credential | None = None

    async def current(self) -> Credential:
        if self._credential is None or self._clock.monotonic() - self._read_at >= _TOKEN_FILE_PERIOD:
            self._read()
        assert self._credential is not None  # _read has set it or raised
        return self._credential

    async def renew(self, refused: Credential) -> Credential | None:
        self._read()
        return self._credential if self._credential != refused else None

    def _read(self) -> None:
        path = self._user.token_file
        assert path is not None  # chosen because it is set
        try:
            token = path.read_text(encoding="utf-8").strip()
            cause = "" if token else "the token file is empty"
        except (OSError, UnicodeDecodeError) as error:
            token, cause = "", f"the token file cannot be read ({getattr(error, 'strerror', None) or error})"
        if not token and self._credential is None and self._user.token:
            token = self._user.token
        if token:
            self._credential = _bearer(self._base, token)
        elif self._credential is None:
            raise AuthExpiredError(str(path), cause, "Check tokenFile in the kubeconfig.")
        self._read_at = self._clock.monotonic()  # a failed re-read keeps the last good token


class ExecCredentials:
    """Credentials printed by a plugin such as ``aws eks get-token``; one run at a time, its answer kept."""

    def __init__(
        self, spec: ExecSpec, server: Server, base: Credential, clock: Clock, *, timeout: float
    ) -> None:
        self._spec = spec
        self._server = server
        self._base = base
        self._clock = clock
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._credential: Credential | None = None
        self._failure: tuple[float, AuthExpiredError] | None = None

    async def current(self) -> Credential:
        credential = self._credential
        if credential is not None and not self._expiring(credential):
            return credential
        async with self._lock:
            if self._credential is None or self._expiring(self._credential):
                await self._refresh()
            assert self._credential is not None  # _refresh has set it or raised
            return self._credential

    async def renew(self, refused: Credential) -> Credential | None:
        async with self._lock:
            if self._credential is refused or self._credential is None:
                await self._refresh()
            return self._credential if self._credential != refused else None

    def _expiring(self, credential: Credential) -> bool:
        return credential.expires is not None and self._clock.now() >= credential.expires - _EARLY

    async def _refresh(self) -> None:
        now = self._clock.monotonic()
        if self._failure is not None and now - self._failure[0] < _AFTER_FAILURE:
            raise self._failure[1]
        try:
            status = await run_plugin(self._spec, self._server, limit=self._timeout, clock=self._clock)
            self._credential = self._read(status)
            self._failure = None
        except AuthExpiredError as error:
            kept = self._credential
            if kept is not None and kept.expires is not None and self._clock.now() < kept.expires:
                return  # what we have is still good for the last minute
            self._failure = (self._clock.monotonic(), error)
            raise

    def _read(self, status: Mapping[str, Any]) -> Credential:
        token, certificate, key = (status.get(k) for k in ("token", "clientCertificateData", "clientKeyData"))
        base = self._base
        if isinstance(certificate, str) and isinstance(key, str) and certificate and key:
            base = Credential(base.headers, certificate.encode(), key.encode())
        elif certificate or key:
            raise _failed(self._spec, "it printed only half of a client certificate and its key")
        elif not token:
            raise _failed(self._spec, "it printed neither a token nor a client certificate")
        expires = parse_time(status.get("expirationTimestamp"))
        if isinstance(token, str) and token:
            return _bearer(base, token, expires)
        return Credential(base.headers, base.certificate, base.key, expires)


async def run_plugin(spec: ExecSpec, server: Server, *, limit: float, clock: Clock) -> Mapping[str, Any]:
    """Run an exec plugin once; the ``status`` of the ExecCredential it prints. Raises AuthExpiredError."""
    if spec.interactive_mode == "Always":
        raise AuthExpiredError(
            f"credential plugin {spec.command}", "it must ask questions, and the terminal is in use",
            "Log in outside first, or set interactiveMode to IfAvailable.",
        )  # fmt: skip
    environment = {**os.environ, **dict(spec.environment), "KUBERNETES_EXEC_INFO": _exec_info(spec, server)}
    try:
        process = await asyncio.create_subprocess_exec(
            spec.command, *spec.args, env=environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # no /dev/tty: a plugin must not write over the screen or read its keys
        )  # fmt: skip
    except OSError as error:
        raise _failed(spec, f"it cannot be started ({error.strerror})") from None
    talk = asyncio.ensure_future(process.communicate())
    alarm = asyncio.ensure_future(clock.sleep(limit))
    try:
        await asyncio.wait({talk, alarm}, return_when=asyncio.FIRST_COMPLETED)
        if not talk.done():
            raise _failed(spec, f"it gave no answer within {limit:g} s")
        output, errors = talk.result()
    finally:
        alarm.cancel()
        if not talk.done():
            _kill(process)
            await asyncio.gather(talk, return_exceptions=True)
    if process.returncode != 0:
        raise _failed(spec, f"it ended with code {process.returncode}", errors)
    return _status(spec, output, errors)


def _kill(process: asyncio.subprocess.Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it ended on its own meanwhile


def _exec_info(spec: ExecSpec, server: Server) -> str:
    content: dict[str, Any] = {"interactive": False}
    if spec.provide_cluster_info:
        cluster: dict[str, Any] = {"server": server.url}
        if server.ca is not None:
            cluster["certificate-authority-data"] = base64.b64encode(server.ca).decode()
        if server.tls_server_name:
            cluster["tls-server-name"] = server.tls_server_name
        if server.insecure:
            cluster["insecure-skip-tls-verify"] = True
        if server.proxy_url:
            cluster["proxy-url"] = server.proxy_url
        if server.plugin_config is not None:
            cluster["config"] = server.plugin_config
        content["cluster"] = cluster
    return json.dumps({"apiVersion": spec.api_version, "kind": "ExecCredential", "spec": content})


def _status(spec: ExecSpec, output: bytes, errors: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(output)
    except ValueError:
        raise _failed(spec, "it printed no ExecCredential", errors) from None
    if not isinstance(answer, dict) or answer.get("kind") != "ExecCredential":
        raise _failed(spec, "it printed no ExecCredential", errors)
    if answer.get("apiVersion") != spec.api_version:
        raise _failed(
            spec, f"it speaks {answer.get('apiVersion')!r}, the kubeconfig asks for {spec.api_version!r}"
        )
    status = answer.get("status")
    if not isinstance(status, dict):
        raise _failed(spec, "its ExecCredential has no status", errors)
    return status


def _failed(spec: ExecSpec, cause: str, errors: bytes = b"") -> AuthExpiredError:
    said = _CONTROL.sub("", errors.decode("utf-8", "replace")).strip()
    if len(said) > 600:
        said = f"…{said[-600:]}"
    if said:
        cause = f"{cause}: {said}"
    remedy = (
        spec.install_hint.strip()
        or "Log in again in another terminal; the connection then comes back by itself."
    )
    return AuthExpiredError(f"credential plugin {spec.command}", cause, remedy)
