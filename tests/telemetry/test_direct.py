"""Plain HTTP(S) to a source: who we are, whom we trust, and what we do not read."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from posdeck.telemetry.direct import Access, direct
from posdeck.telemetry.source import LONGEST_ANSWER, SourceError


@asynccontextmanager
async def served(handler: web.Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:  # type: ignore[name-defined]
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def told(request: web.Request) -> web.Response:
    return web.Response(text=f"{request.headers.get('Authorization', '')} {request.raw_path}")


async def test_token_and_basic_are_read_from_files_at_each_request(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    async with served(told) as port:
        url = f"http://127.0.0.1:{port}/base/"
        token = direct(Access(url, token_file=str(secret)), "P")
        for each in ("one", "two"):
            secret.write_text(f"{each}\n")
            assert await token("/api", [("q", "a b")]) == f"Bearer {each} /base/api?q=a+b".encode()
        basic = direct(Access(url, username="u", password_file=str(secret)), "P")
        assert (await basic("/api", [])).startswith(b"Basic dTp0d28= ")


async def test_the_name_of_the_default_virtual_host_stays_escaped() -> None:
    async with served(told) as port:
        assert b"/api/queues/%2F" in await direct(Access(f"http://127.0.0.1:{port}"), "R")(
            "/api/queues/%2F", []
        )


async def test_a_redirect_is_not_followed() -> None:
    """It would carry the credential to a host that nobody named."""

    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/")

    async with served(elsewhere) as port:
        with pytest.raises(SourceError, match="302"):
            await direct(Access(f"http://127.0.0.1:{port}"), "P")("/", [])


async def test_an_endless_answer_is_cut_off() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x" * (1 << 18))
        return response

    async with served(endless) as port:
        with pytest.raises(SourceError, match=f"longer than {LONGEST_ANSWER:,} bytes"):
            await direct(Access(f"http://127.0.0.1:{port}"), "P")("/", [])


async def test_silence_ends_with_the_timeout_and_a_closed_port_at_once() -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await request.content.read()
        while request.transport is not None and not request.transport.is_closing():
            await response.write(b"")
            await asyncio.sleep(0.02)
        return response

    async with served(silent) as port:
        with pytest.raises(SourceError, match="no answer within"):
            await direct(Access(f"http://127.0.0.1:{port}"), "P", timeout=0.3)("/", [])
    with pytest.raises(SourceError, match="does not answer"):
        await direct(Access(f"http://127.0.0.1:{port}"), "P")("/", [])


async def test_a_missing_secret_names_the_file(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(SourceError, match="gone"):
        await direct(Access("http://127.0.0.1:1", token_file=str(gone)), "P")("/", [])


def issued(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 that is its own authority, and its key."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=source", "-addext", "subjectAltName=IP:127.0.0.1,DNS:prometheus.test",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, certificate


async def test_mutual_tls_and_the_name_that_is_checked(tmp_path: Path) -> None:
    """With our certificate in; without it, or without the authority, not."""
    key, certificate = issued(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificate))
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    async with served(told, context) as port:
        url, ours = f"https://127.0.0.1:{port}", {"certificate_file": str(certificate), "key_file": str(key)}
        trusted = Access(url, ca_file=str(certificate), server_name="prometheus.test", **ours)
        assert (await direct(trusted, "P")("/x", [])).endswith(b"/x")
        for refused in (
            Access(url, ca_file=str(certificate)),
            Access(url, **ours),
            Access(url, ca_file=str(certificate), server_name="another.test", **ours),
        ):
            with pytest.raises(SourceError):
                await direct(refused, "P")("/x", [])
