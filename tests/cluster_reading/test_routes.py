"""Both paths to the API server, the short one and the official client's, give the same answers and errors."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.cluster.control_plane import ControlPlane
from tests.cluster_reading.support import BreakableProxy

from posdeck.cluster.access import Permission, review_all
from posdeck.cluster.connection import Route, connect, frozen_kubeconfig
from posdeck.cluster.identity import ca_digest, read_connection
from posdeck.cluster.kubeconfig import Server, Target, User, load_target
from posdeck.cluster.listing import list_pages
from posdeck.cluster.objects import Objects, Patch
from posdeck.cluster.resources import CONFIG_MAPS, DEPLOYMENTS, NODES, PODS
from posdeck.cluster.transport import Transport, lines
from posdeck.errors import (
    AuthExpiredError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnreachableError,
)

pytestmark = pytest.mark.cluster
ROUTES: tuple[Route, ...] = ("direct", "official")


@pytest.fixture(params=ROUTES)
def route(request: pytest.FixtureRequest) -> Route:
    found: Route = request.param
    return found


@asynccontextmanager
async def opened(target: Target, route: Route) -> AsyncIterator[Transport]:
    transport = await connect(target, route=route)
    try:
        yield transport
    finally:
        await transport.close()


@pytest.fixture
async def admin(control_plane: ControlPlane, namespace: str, route: Route) -> AsyncIterator[Transport]:
    async with opened(load_target(control_plane.kubeconfig, namespace=namespace), route) as transport:
        yield transport


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def test_an_object_is_created_read_patched_every_way_and_deleted(
    admin: Transport, namespace: str
) -> None:
    objects = Objects(admin, namespace)
    made = await objects.create(CONFIG_MAPS, config_map("m", a="1"))
    uid, version = made["metadata"]["uid"], made["metadata"]["resourceVersion"]

    tried = await objects.patch(CONFIG_MAPS, "m", {"data": {"a": "2"}}, dry_run=True)
    assert tried["data"] == {"a": "2"}
    assert (await objects.get(CONFIG_MAPS, "m"))["metadata"]["resourceVersion"] == version

    await objects.patch(CONFIG_MAPS, "m", {"data": {"b": "é/&"}}, kind=Patch.MERGE, uid=uid)
    await objects.patch(CONFIG_MAPS, "m", {"data": {"c": "3"}}, kind=Patch.STRATEGIC)
    operations = [{"op": "replace", "path": "/data/a", "value": "4"}]
    await objects.patch(CONFIG_MAPS, "m", operations, kind=Patch.JSON, uid=uid)
    applied = {**config_map("m", d="5")}
    after = await objects.patch(CONFIG_MAPS, "m", applied, kind=Patch.APPLY, field_manager="someone")
    assert after["data"] == {"a": "4", "b": "é/&", "c": "3", "d": "5"}
    assert "someone" in [entry["manager"] for entry in after["metadata"]["managedFields"]]

    with pytest.raises(ConflictError):
        await objects.patch(CONFIG_MAPS, "m", {"data": {"a": "9"}}, resource_version=version)
    with pytest.raises(ConflictError):
        await objects.patch(CONFIG_MAPS, "m", {"data": {"a": "9"}}, uid="another-uid")
    with pytest.raises(ConflictError):
        await objects.patch(CONFIG_MAPS, "m", operations, kind=Patch.JSON, uid="another-uid")
    with pytest.raises(ConflictError):
        await objects.delete(CONFIG_MAPS, "m", uid="another-uid")
    await objects.delete(CONFIG_MAPS, "m", uid=uid, dry_run=True)
    await objects.delete(CONFIG_MAPS, "m", uid=uid)
    with pytest.raises(NotFoundError) as caught:
        await objects.get(CONFIG_MAPS, "m")
    assert caught.value.subject == f"configmaps m in {namespace}"


async def test_errors_are_told_apart(admin: Transport, namespace: str) -> None:
    objects = Objects(admin, namespace)
    await objects.create(CONFIG_MAPS, config_map("m"))
    with pytest.raises(ConflictError):
        await objects.create(CONFIG_MAPS, config_map("m"))
    with pytest.raises(InvalidError):
        await objects.create(CONFIG_MAPS, config_map("Not A Name"))
    with pytest.raises(InvalidError):
        await admin.request("POST", CONFIG_MAPS.path(namespace), body=b"{}")
    with pytest.raises(NotFoundError):
        await admin.request("GET", "/apis/nothing.example/v1/things")


async def test_forbidden_names_verb_and_resource(
    control_plane: ControlPlane, namespace: str, route: Route
) -> None:
    async with opened(load_target(control_plane.identity("viewer"), namespace=namespace), route) as transport:
        with pytest.raises(ForbiddenError) as caught:
            await Objects(transport, namespace).patch(DEPLOYMENTS, "x", {"spec": {"paused": True}})
        assert "cannot patch" in caught.value.cause
        assert "deployments.apps x" in caught.value.subject
        with pytest.raises(ForbiddenError):
            await transport.request("GET", NODES.path())


async def test_a_wrong_token_is_an_expired_login(
    control_plane: ControlPlane, namespace: str, route: Route
) -> None:
    target = load_target(control_plane.identity("viewer"), namespace=namespace)
    wrong = replace(target, user=User(token="wrong"), sources=())  # its file would give the right one again
    async with opened(wrong, route) as transport:
        with pytest.raises(AuthExpiredError):
            await transport.request("GET", PODS.path(namespace))
        with pytest.raises(AuthExpiredError):
            async with transport.stream("GET", PODS.path(namespace), params=[("watch", "1")]):
                pass


async def test_a_plugins_token_is_renewed_after_a_401(
    control_plane: ControlPlane, namespace: str, route: Route, tmp_path: Path
) -> None:
    script = tmp_path / "login.py"
    script.write_text(
        "import json, pathlib, sys\n"
        f"first = not pathlib.Path({str(tmp_path / 'ran')!r}).exists()\n"
        f"pathlib.Path({str(tmp_path / 'ran')!r}).touch()\n"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential',"
        " 'status': {'token': 'expired' if first else 'viewer-token'}}))\n"
    )
    target = load_target(control_plane.identity("viewer-exec"), namespace=namespace)
    assert target.user.exec is not None
    plugin = replace(target.user.exec, command=sys.executable, args=(str(script),))
    async with opened(replace(target, user=replace(target.user, exec=plugin)), route) as transport:
        assert (await transport.request("GET", PODS.path(namespace))).status == 200


async def test_lists_come_in_pages_and_watches_go_on_from_them(admin: Transport, namespace: str) -> None:
    objects = Objects(admin, namespace)
    for index in range(7):
        await objects.create(CONFIG_MAPS, config_map(f"m{index}"))
    pages = [page async for page in list_pages(admin, CONFIG_MAPS, namespace, limit=3)]
    names = [item["metadata"]["name"] for page in pages for item in page.items]
    assert [name for name in names if name != "kube-root-ca.crt"] == [f"m{i}" for i in range(7)]
    assert len({page.resource_version for page in pages}) == 1
    assert [page.last for page in pages].count(True) == 1
    assert pages[0].remaining is not None

    params = [("watch", "1"), ("resourceVersion", pages[-1].resource_version), ("timeoutSeconds", "20")]
    seen: list[tuple[str, str]] = []
    async with admin.stream("GET", CONFIG_MAPS.path(namespace), params=params) as chunks:
        await objects.create(CONFIG_MAPS, config_map("late"))
        await objects.delete(CONFIG_MAPS, "m0")
        async with asyncio.timeout(10):
            async for line in lines(chunks):
                event = orjson.loads(line)
                seen.append((event["type"], event["object"]["metadata"]["name"]))
                if len(seen) == 2:
                    break
    assert seen == [("ADDED", "late"), ("DELETED", "m0")]


async def test_the_server_ends_a_watch_in_time(admin: Transport, namespace: str) -> None:
    """What the silence limit of the watches rests on: a stream that outlives its time is dead."""
    pages = [page async for page in list_pages(admin, PODS, namespace)]
    params = [("watch", "1"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", "2")]
    params.append(("resourceVersion", pages[0].resource_version))
    async with asyncio.timeout(12), admin.stream("GET", PODS.path(namespace), params=params) as chunks:
        kinds = {orjson.loads(line)["type"] async for line in lines(chunks)}
    assert kinds <= {"BOOKMARK"}


async def test_a_table_comes_from_the_server(admin: Transport, namespace: str) -> None:
    objects = Objects(admin, namespace)
    await objects.create(CONFIG_MAPS, config_map("m", a="1", b="2"))
    table = await objects.table(CONFIG_MAPS, fields="metadata.name=m")
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert table["rows"][0]["cells"][:2] == ["m", 2]


async def test_permissions_are_asked_for(control_plane: ControlPlane, namespace: str, route: Route) -> None:
    wanted = [
        Permission("patch", DEPLOYMENTS, namespace, "x"),
        Permission("list", PODS, namespace),
        Permission("get", PODS, namespace, subresource="log"),
    ]
    for identity, expected in {"viewer": [False, True, True], "operator": [True, True, True]}.items():
        async with opened(load_target(control_plane.identity(identity)), route) as transport:
            assert [access.allowed for access in await review_all(transport, wanted)] == expected


async def test_the_connection_tells_who_and_where(
    control_plane: ControlPlane, namespace: str, route: Route
) -> None:
    target = load_target(control_plane.identity("operator"), namespace=namespace)
    async with opened(target, route) as transport:
        found = await read_connection(transport, target)
        assert found.identity.username == "operator"
        assert found.ca_digest == ca_digest(control_plane.ca_path.read_bytes())
        assert found.version.startswith("v1.")
        assert not found.insecure
        unchecked = replace(target, server=replace(target.server, ca=None, insecure=True))
        certificate = await transport.peer_certificate()
    async with opened(unchecked, route) as transport:
        loose = await read_connection(transport, unchecked)
        assert await transport.peer_certificate() == certificate
        assert loose.insecure
        assert loose.ca_digest not in ("", found.ca_digest)


async def test_a_missing_namespace_is_said_to_be_missing(control_plane: ControlPlane, route: Route) -> None:
    target = load_target(control_plane.kubeconfig, namespace="nowhere")
    async with opened(target, route) as transport:
        assert "nowhere does not exist" in (await read_connection(transport, target)).problem


async def test_another_authority_is_not_trusted(control_plane: ControlPlane, route: Route) -> None:
    target = load_target(control_plane.kubeconfig)
    stranger = (control_plane.state / "pki" / "front-ca.crt").read_bytes()
    async with opened(replace(target, server=replace(target.server, ca=stranger)), route) as transport:
        with pytest.raises(UnreachableError, match="not trusted") as caught:
            await transport.request("GET", "/version")
        assert "another cluster" in caught.value.remedy


async def test_a_server_name_can_be_set(
    control_plane: ControlPlane, route: Route, proxies: Callable[[str, int], Awaitable[BreakableProxy]]
) -> None:
    target = load_target(control_plane.kubeconfig)
    named = replace(
        target.server, url=target.server.url.replace("127.0.0.1", "localhost"), tls_server_name=""
    )
    for name, works in {"kubernetes": True, "elsewhere.invalid": False}.items():
        server = replace(named, tls_server_name=name)
        async with opened(replace(target, server=server), route) as transport:
            if works:
                assert (await transport.request("GET", "/version")).status == 200
            else:
                with pytest.raises(UnreachableError, match="not trusted"):
                    await transport.request("GET", "/version")


@pytest.mark.parametrize(
    ("url", "words"),
    [("https://127.0.0.1:1", "refused"), ("https://no-such-host.invalid", "host name is unknown")],
)
async def test_an_unreachable_server_says_why(route: Route, url: str, words: str) -> None:
    async with opened(Target("c", "n", Server(url, insecure=True), User(token="t")), route) as transport:
        with pytest.raises(UnreachableError, match=words):
            await transport.request("GET", "/version")


async def test_a_frozen_kubeconfig_works_alone(
    control_plane: ControlPlane, namespace: str, route: Route, tmp_path: Path
) -> None:
    target = load_target(control_plane.kubeconfig, namespace=namespace)
    path = frozen_kubeconfig(target, tmp_path / "kubeconfig")
    async with opened(load_target(path), route) as transport:
        assert (await transport.request("GET", PODS.path(namespace))).status == 200


async def test_inside_a_cluster_the_token_file_is_followed(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    for name, content in {"token": b"wrong", "ca.crt": control_plane.ca_path.read_bytes()}.items():
        (tmp_path / name).write_bytes(content)
    port = control_plane.server.rsplit(":", 1)[1]
    environ = {
        "HOME": "/nonexistent",
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": port,
    }
    target = load_target(environ=environ, service_account=tmp_path, namespace=namespace)
    for route in ("auto", "direct"):
        (tmp_path / "token").write_text("wrong")
        async with opened(target, route) as transport:
            with pytest.raises(AuthExpiredError):
                await transport.request("GET", PODS.path(namespace))
            (tmp_path / "token").write_text("viewer-token")
            assert (await transport.request("GET", PODS.path(namespace))).status == 200
