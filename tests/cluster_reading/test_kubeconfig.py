"""posdeck goes to the server that kubectl goes to, or says which line keeps it from doing so."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from posdeck.cluster.connection import frozen_kubeconfig
from posdeck.cluster.kubeconfig import context_names, load_target
from posdeck.errors import ConfigurationError

KUBECTL = shutil.which("kubectl")


def config(**sections: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Config", **sections}


def cluster(name: str, server: str = "https://one:6443", **more: Any) -> dict[str, Any]:
    return {"name": name, "cluster": {"server": server, **more}}


def user(name: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "user": values}


def context(name: str, cluster: str, user: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name, "context": {"cluster": cluster, **({"user": user} if user else {}), **more}}


def simple(**user_values: Any) -> dict[str, Any]:
    return config(
        **{"current-context": "c"},
        clusters=[cluster("k")], users=[user("u", **user_values)], contexts=[context("c", "k", "u")],
    )  # fmt: skip


def write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False))
    return path


# Each case: files in order, and --context; what kubectl itself makes of them is the expected answer.
MERGES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "the first current-context wins": (
        [
            config(**{"current-context": "b"}, clusters=[cluster("k")], contexts=[context("a", "k")]),
            config(**{"current-context": "a"}, contexts=[context("b", "k", namespace="nb")]),
        ], "",
    ),
    "an empty current-context does not win": (
        [
            config(**{"current-context": ""}, clusters=[cluster("k")], contexts=[context("a", "k")]),
            config(**{"current-context": "a"}),
        ], "",
    ),
    "the first definition of a name wins": (
        [
            config(
                **{"current-context": "c"}, clusters=[cluster("k", "https://first")],
                users=[user("u", token="first")], contexts=[context("c", "k", "u", namespace="n1")],
            ),
            config(
                **{"current-context": "c"}, clusters=[cluster("k", "https://second")],
                users=[user("u", token="second")], contexts=[context("c", "k", "u", namespace="n2")],
            ),
        ], "",
    ),
    "parts come from different files": (
        [
            config(clusters=[cluster("k", "https://split:1234")]),
            config(users=[user("u", token="t", **{"as": "someone"})]),
            config(**{"current-context": "c"}, contexts=[context("c", "k", "u", namespace="n0")]),
        ], "",
    ),
    "--context beats current-context": (
        [
            config(
                **{"current-context": "c"}, clusters=[cluster("k"), cluster("l", "https://other")],
                contexts=[context("c", "k"), context("d", "l", namespace="dd")],
            )
        ], "d",
    ),
    "username and password": (
        [
            config(
                **{"current-context": "c"}, clusters=[cluster("k", **{"tls-server-name": "api.local"})],
                users=[user("u", username="me", password="secret")], contexts=[context("c", "k", "u")],
            )
        ], "",
    ),
}  # fmt: skip


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on PATH")
@pytest.mark.parametrize("case", MERGES)
def test_files_are_merged_as_kubectl_merges_them(case: str, tmp_path: Path) -> None:
    documents, chosen = MERGES[case]
    paths = [write(tmp_path / f"{i}" / "config", document) for i, document in enumerate(documents)]
    environ = {"KUBECONFIG": os.pathsep.join(map(str, [tmp_path / "missing", *paths])), "HOME": str(tmp_path)}
    arguments = [str(KUBECTL), "config", "view", "--minify", "--flatten", "--raw", "-o", "json"]
    arguments += [f"--context={chosen}"] if chosen else []
    said = subprocess.run(arguments, env=environ, capture_output=True, text=True, check=True)
    expected = json.loads(said.stdout)
    want_context = expected["contexts"][0]
    want_cluster = expected["clusters"][0]["cluster"]
    want_user = (expected["users"] or [{"user": {}}])[0]["user"]

    found = load_target(context=chosen or None, environ=environ)

    assert found.context == want_context["name"]
    assert found.namespace == want_context["context"].get("namespace", "default")
    assert found.server.url == want_cluster["server"]
    assert found.server.tls_server_name == want_cluster.get("tls-server-name", "")
    assert found.user.token == want_user.get("token", "")
    assert found.user.username == want_user.get("username", "")
    assert found.user.password == want_user.get("password", "")
    assert dict(found.user.impersonate).get("Impersonate-User", "") == want_user.get("as", "")


def test_paths_in_a_file_are_relative_to_its_folder(tmp_path: Path) -> None:
    write(tmp_path / "pki" / "ca.crt", "CA")
    write(tmp_path / "pki" / "c.crt", "CERT")
    write(tmp_path / "pki" / "c.key", "KEY")
    document = simple(**{"client-certificate": "pki/c.crt", "client-key": "pki/c.key"})
    document["clusters"][0]["cluster"]["certificate-authority"] = "pki/ca.crt"
    found = load_target(write(tmp_path / "config", document))
    assert (found.server.ca, found.user.certificate, found.user.key) == (b"CA", b"CERT", b"KEY")


def test_data_goes_before_files(tmp_path: Path) -> None:
    data = base64.b64encode(b"INLINE").decode()
    document = simple()
    document["clusters"][0]["cluster"].update(
        {"certificate-authority": "missing", "certificate-authority-data": data}
    )
    assert load_target(write(tmp_path / "config", document)).server.ca == b"INLINE"


def test_the_namespace_option_goes_before_the_context(tmp_path: Path) -> None:
    document = simple()
    document["contexts"][0]["context"]["namespace"] = "theirs"
    path = write(tmp_path / "config", document)
    assert load_target(path).namespace == "theirs"
    assert load_target(path, namespace="ours").namespace == "ours"


def test_secrets_do_not_show_in_a_representation(tmp_path: Path) -> None:
    target = load_target(
        write(tmp_path / "config", simple(token="t0p-secret", password="pa55", username="me"))
    )
    assert target.user.token == "t0p-secret"
    assert "t0p-secret" not in repr(target)
    assert "pa55" not in repr(target)


def test_a_plugin_with_a_relative_path_lies_beside_the_file(tmp_path: Path) -> None:
    entry = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./bin/login",
        "interactiveMode": "Never",
    }
    target = load_target(write(tmp_path / "config", simple(exec=entry)))
    assert target.user.exec is not None
    assert Path(target.user.exec.command) == tmp_path / "bin" / "login"


BROKEN: dict[str, tuple[str, int, str]] = {
    "not YAML": ("a: 1\nb: [1\nc: 2\n", 3, "not valid YAML"),
    "a tab": ("a:\n\tb: 1\n", 2, "not valid YAML"),
    "a list": ("- 1\n", 1, "no mapping"),
    "clusters is a word": ("current-context: c\nclusters: yes please\n", 2, "clusters is no list"),
    "an entry without a name": ("contexts:\n- context: {}\n", 2, "has no name"),
    "a name defined twice": (
        "current-context: c\ncontexts:\n- {name: c, context: {}}\n- {name: c, context: {}}\n",
        4, "defined twice",
    ),
    "an unknown current context": ("contexts: []\ncurrent-context: c\n", 2, "'c' is not defined"),
    "an unknown cluster": (
        "current-context: c\ncontexts:\n- name: c\n  context:\n    user: u\n    cluster: k\n",
        6, "not defined",
    ),
    "an unknown user": (
        "current-context: c\nclusters:\n- {name: k, cluster: {server: 'https://k'}}\n"
        "contexts:\n- name: c\n  context:\n    cluster: k\n    user: u\n", 8, "not defined",
    ),
    "no address": (
        "current-context: c\nclusters:\n- name: k\n  cluster:\n    server: k:6443\n"
        "contexts:\n- {name: c, context: {cluster: k}}\n", 5, "no http or https address",
    ),
    "insecure and a CA": (
        "current-context: c\nclusters:\n- name: k\n  cluster:\n    server: https://k\n"
        "    certificate-authority-data: QQ==\n    insecure-skip-tls-verify: true\n"
        "contexts:\n- {name: c, context: {cluster: k}}\n", 7, "cannot be set together",
    ),
    "insecure in words": (
        "current-context: c\nclusters:\n- name: k\n  cluster:\n    server: https://k\n"
        "    insecure-skip-tls-verify: 'false'\ncontexts:\n- {name: c, context: {cluster: k}}\n",
        6, "neither true nor false",
    ),
    "a socks proxy": (
        "current-context: c\nclusters:\n- name: k\n  cluster:\n    server: https://k\n"
        "    proxy-url: socks5://p\ncontexts:\n- {name: c, context: {cluster: k}}\n", 6, "not supported",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_mistake_is_pointed_at_by_file_and_line(case: str, tmp_path: Path) -> None:
    text, line, words = BROKEN[case]
    path = write(tmp_path / "config", text)
    with pytest.raises(ConfigurationError) as caught:
        load_target(path)
    assert caught.value.subject == f"{path}:{line}"
    assert words in caught.value.cause


def test_a_user_that_cannot_log_in_is_refused_with_its_line(tmp_path: Path) -> None:
    text = (
        "current-context: c\nclusters:\n- {name: k, cluster: {server: 'https://k'}}\n"
        "contexts:\n- {name: c, context: {cluster: k, user: u}}\nusers:\n- name: u\n  user:\n"
    )
    for extra, words in {
        "    auth-provider: {name: gcp}\n": "gke-gcloud-auth-plugin",
        "    exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}\n": "v1alpha1",
        "    exec: {apiVersion: client.authentication.k8s.io/v1}\n": "no command",
        "    client-certificate-data: QQ==\n": "no client-key",
        "    client-certificate: nowhere\n": "cannot be read",
    }.items():
        with pytest.raises(ConfigurationError, match=words) as caught:
            load_target(write(tmp_path / "config", text + extra))
        assert caught.value.subject == f"{tmp_path / 'config'}:9"


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_target(tmp_path / "nothing")


def test_without_any_file_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--kubeconfig"):
        load_target(environ={"HOME": str(tmp_path)})


def test_the_home_folder_is_read_when_kubeconfig_is_not_set(tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", simple(token="x"))
    assert load_target(environ={"HOME": str(tmp_path)}).user.token == "x"


def test_inside_a_pod_the_service_account_is_used(tmp_path: Path) -> None:
    for name, content in {"token": "t", "ca.crt": "CA", "namespace": "spc--pos\n"}.items():
        write(tmp_path / "sa" / name, content)
    environ = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    found = load_target(environ=environ, service_account=tmp_path / "sa")
    assert found.in_cluster
    assert (found.server.url, found.namespace) == ("https://[fd00::1]:443", "spc--pos")


def test_a_kubeconfig_goes_before_the_service_account(tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", simple(token="x"))
    environ = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert not load_target(environ=environ).in_cluster


def test_contexts_are_listed_in_the_files_order(tmp_path: Path) -> None:
    a = write(tmp_path / "a", config(contexts=[context("z", "k"), context("b", "k")]))
    b = write(tmp_path / "b", config(contexts=[context("b", "k"), context("c", "k")]))
    assert context_names(environ={"KUBECONFIG": f"{a}{os.pathsep}{b}"}) == ["z", "b", "c"]


def test_a_frozen_kubeconfig_holds_one_context_and_reads_back_the_same(tmp_path: Path) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "login", "args": ["a"],
        "env": [{"name": "N", "value": "V"}], "interactiveMode": "Never", "provideClusterInfo": True,
    }  # fmt: skip
    document = simple(
        **{"exec": plugin, "as": "them", "as-groups": ["g1", "g2"], "as-user-extra": {"k": ["v"]}}
    )
    document["contexts"].append(context("other", "k", "u"))
    document["clusters"][0]["cluster"] |= {"tls-server-name": "n", "certificate-authority-data": "QUJD"}
    target = load_target(write(tmp_path / "config", document), namespace="spc--pos")

    path = frozen_kubeconfig(target, tmp_path / "frozen")

    assert path.stat().st_mode & 0o777 == 0o600
    assert context_names(path) == ["c"]
    again = load_target(path)
    assert (again.server, again.context, again.namespace) == (target.server, "c", "spc--pos")
    assert (again.user.exec, again.user.impersonate) == (target.user.exec, target.user.impersonate)
    with pytest.raises(FileExistsError):
        frozen_kubeconfig(target, path)
