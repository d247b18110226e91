"""The collection's client: clear words for every refusal, and never a write sent twice."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import MERGE, Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import KubeError, UsageError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.kubeconfig import Access

PATH = "/apis/apps/v1/namespaces/n/deployments/d"


def status(code: int, message: str, reason: str) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "message": message, "reason": reason}


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def client(api: Any, waited: list[float]) -> Iterator[Client]:
    made = Client(Access(server=api.url, token="t"), timeout=5.0, sleep=waited.append)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("code", "message", "reason", "words"),
    [
        (401, "Unauthorized", "Unauthorized", "credentials"),
        (403, 'User "x" cannot patch resource "deployments"', "Forbidden", "lacks this permission"),
        (403, "pods exceeded quota: q, requested: pods=1", "Forbidden", "quota is used up"),
        (404, "not found", "NotFound", "does not exist"),
        (409, "the object has been modified", "Conflict", "changed by someone else"),
        (422, "spec.replicas: Invalid value", "Invalid", "does not accept the content"),
        (400, 'admission webhook "w" denied the request', "BadRequest", "admission webhook"),
        (500, "etcd is away", "InternalError", "API server failed"),
    ],
)
def test_a_refusal_says_what_it_means_and_what_the_server_said(
    *, api: Any, client: Client, code: int, message: str, reason: str, words: str
) -> None:
    api.say(code, status(code, message, reason))
    with pytest.raises(KubeError) as caught:
        client.write("PATCH", PATH, {}, MERGE)
    assert words in str(caught.value)
    assert message in str(caught.value)
    assert caught.value.status == code
    assert not caught.value.unknown
    assert len(api.seen) == 1


def test_an_exceeded_quota_has_a_reason_of_its_own(api: Any, client: Client) -> None:
    api.say(403, status(403, "exceeded quota: q", "Forbidden"))
    with pytest.raises(KubeError) as caught:
        client.get(PATH)
    assert caught.value.reason == "ExceededQuota"


def test_a_write_whose_answer_is_lost_is_unknown_and_not_repeated(api: Any, client: Client) -> None:
    api.hang_up()
    with pytest.raises(KubeError, match="whether the change was made is not known") as caught:
        client.write("PATCH", PATH, {}, MERGE)
    assert caught.value.unknown
    assert len(api.seen) == 1


def test_a_read_whose_answer_is_lost_is_repeated(api: Any, client: Client, waited: list[float]) -> None:
    api.hang_up()
    api.say(200, {"kind": "Deployment"})
    assert client.get(PATH) == {"kind": "Deployment"}
    assert len(api.seen) == 2
    assert waited == [0.1]


def test_a_throttled_write_waits_as_long_as_told_and_is_sent_again(
    api: Any, client: Client, waited: list[float]
) -> None:
    api.say(429, status(429, "slow down", "TooManyRequests"), Retry_After="2")
    api.say(200, {"kind": "Deployment"})
    assert client.write("PATCH", PATH, {"a": 1}, MERGE) == {"kind": "Deployment"}
    assert waited == [2.0]
    assert [json.loads(seen.body) for seen in api.seen] == [{"a": 1}, {"a": 1}]


def test_a_server_that_is_not_there_is_named_and_nothing_is_unknown() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = Client(Access(server=url), sleep=lambda _: None)
    with pytest.raises(KubeError, match="cannot be reached") as caught:
        client.write("PATCH", PATH, {}, MERGE)
    assert not caught.value.unknown
    assert client.exchange("GET", PATH)[0] == 0


def test_a_silent_server_is_given_up_after_the_time_given() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = Client(Access(server=url), timeout=0.05)
        with pytest.raises(KubeError, match=r"did not answer within 0\.05 s") as caught:
            client.write("PATCH", PATH, {}, MERGE)
        assert caught.value.unknown
        client.close()


def test_lists_are_read_page_by_page_and_items_know_their_kind(api: Any, client: Client) -> None:
    api.say(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": "c1"}, "items": [{"n": 1}]})
    api.say(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [{"n": 2}]})
    found = client.items("/api/v1/pods", {"labelSelector": "a=b"})
    assert found == [{"apiVersion": "v1", "kind": "Pod", "n": n} for n in (1, 2)]
    assert api.seen[0].path == "/api/v1/pods?limit=500&labelSelector=a%3Db"
    assert api.seen[1].path.endswith("&continue=c1")


def test_identity_and_impersonation_are_sent(api: Any) -> None:
    api.say(200, {})
    access = Access(
        server=f"{api.url}/prefix",
        token="abc",
        impersonate=(("Impersonate-User", "u"), ("Impersonate-Group", "g")),
    )
    client = Client(access)
    client.get("/api")
    client.close()
    assert api.seen[0].path == "/prefix/api"
    assert api.seen[0].headers["Authorization"] == "Bearer abc"
    assert api.seen[0].headers["Impersonate-User"] == "u"


def test_something_else_than_an_api_server_is_told(api: Any, client: Client) -> None:
    api.say(200, b"<html>login</html>")
    with pytest.raises(KubeError, match="is this a Kubernetes API server"):
        client.get("/api")


@pytest.mark.parametrize("server", ["ftp://x", "nonsense", "http://"])
def test_an_odd_address_is_refused(server: str) -> None:
    with pytest.raises(UsageError, match="not an http or https address"):
        Client(Access(server=server, source="config context c")).get("/api")
