"""Everything of posdeck together listens on loopback only."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path

import pytest
from tests.operations.opened_console import embedded_console, private_folders

from posdeck.operations.forward_ports import ForwardChoice

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
LISTENING = "0A"


def listeners() -> set[tuple[str, int]]:
    """Addresses and ports on which this process listens."""
    own = {
        target[len("socket:[") : -1]
        for fd in os.listdir("/proc/self/fd")
        if (target := _target(fd)).startswith("socket:[")
    }
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and fields[9] in own:
                address, port = fields[1].split(":")
                found.add((str(_address(address)), int(port, 16)))
    return found


def _target(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""  # the descriptor of the listing itself


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    words = [bytes.fromhex(text[i : i + 8])[::-1] for i in range(0, len(text), 8)]
    return ipaddress.ip_address(b"".join(words))


async def test_console_forward_and_embedded_cluster_listen_on_loopback_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_folders(monkeypatch, tmp_path)
    before = listeners()
    async with embedded_console(tmp_path) as (console, simulator):
        pod = next(p for p in console.view.snapshot.pods if p.startswith("spc--pos--be--app--prod"))
        view = await console.forwards.start(ForwardChoice("pod", pod, 80))
        opened = listeners() - before
        assert {port for _, port in opened} == {simulator.port, view.local}
        assert all(ipaddress.ip_address(address).is_loopback for address, _ in opened)
    assert listeners() <= before, "and nothing listens afterwards"
