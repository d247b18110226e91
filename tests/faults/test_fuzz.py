"""Whatever arrives, from a server or in a file, ends as a picture, a stale one with its reason, or an error with a remedy."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from posdeck.clock import ManualClock
from posdeck.cluster.kubeconfig import Server, Target, User, load_target
from posdeck.cluster.lineage import Lineage
from posdeck.cluster.scripted import ScriptedTransport
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.cluster.store import Store
from posdeck.cluster.watching import Watcher
from posdeck.errors import PosdeckError

EXAMPLES = int(os.environ.get("POSDECK_FUZZ", "60"))
PATH = "/api/v1/namespaces/n/pods"
TARGET = Target("c", "n", Server("https://scripted.invalid"), User())

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "name",
                    "uid",
                    "resourceVersion",
                    "spec",
                    "status",
                    "containers",
                    "code",
                    "phase",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
events = st.fixed_dictionaries(
    {"type": st.sampled_from(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "?"]), "object": trees}
).map(lambda event: json.dumps(event).encode() + b"\n")
chunks = st.lists(events | st.binary(max_size=60) | st.just(b"\n"), max_size=6)


@settings(max_examples=EXAMPLES, deadline=None)
@given(chunks, st.integers(1, 50))
def test_no_stream_ends_a_watcher_or_hides_what_it_did(sent: list[bytes], cut: int) -> None:
    asyncio.run(_watched(sent, cut))


async def _watched(sent: list[bytes], cut: int) -> None:
    transport, clock = ScriptedTransport(), ManualClock()
    listed = {"metadata": {"resourceVersion": "1"}, "items": [{"metadata": {"name": "p", "uid": "u"}}]}
    transport.answer("GET", PATH, listed)
    transport.answer("GET", "/api/v1/namespaces/n", {"metadata": {"uid": "n"}})
    transport.certificate = b"c"
    store = Store(clock)
    origin = Lineage(transport, TARGET, store, clock).origin()
    watcher = Watcher(Kind.PODS, transport, "n", store, clock, origin=origin)
    running = asyncio.ensure_future(watcher.run())
    stream = await transport.next_stream(PATH)
    whole = b"".join(sent)
    stream.feed(*(whole[i : i + cut] for i in range(0, len(whole), cut)))
    stream.end()
    await clock.advance(60)
    assert not running.done()
    feed = store.feed(Kind.PODS)
    assert feed.state is FeedState.LIVE or feed.reason
    assert "internal error" not in feed.reason
    assert store.snapshot().pods is not None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _entries(inner: str) -> st.SearchStrategy[Any]:
    fields = ["server", "token", "exec", "command", "args", "env", "certificate-authority-data", "namespace",
              "cluster", "user", "client-certificate-data", "tokenFile", "proxy-url", "auth-provider", "apiVersion"]  # fmt: skip
    body = st.dictionaries(st.sampled_from(fields), scalars | trees, max_size=4) | scalars
    entry = st.fixed_dictionaries({"name": st.just("x") | scalars, inner: body}) | scalars
    return st.lists(entry, max_size=2) | scalars


kubeconfigs: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {
        "apiVersion": st.just("v1") | scalars,
        "kind": st.just("Config") | scalars,
        "current-context": st.just("x") | scalars,
        "clusters": _entries("cluster"),
        "users": _entries("user"),
        "contexts": _entries("context"),
    }
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(kubeconfigs.map(lambda tree: json.dumps(tree).encode()) | st.binary(max_size=200))
def test_no_kubeconfig_ends_in_anything_but_a_target_or_a_mistake_with_its_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        path.write_bytes(content)
        path.chmod(0o600)
        try:
            load_target(path)
        except PosdeckError:
            return  # told with its file; anything else fails the test
