"""Where else posdeck could look: contexts, namespaces and environments, resolved without talking to a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.operations.opened_console import private_folders

from posdeck.errors import ConfigurationError, UnreachableError
from posdeck.operations.authority import bundle_digest
from posdeck.operations.binding import Binding, store_binding
from posdeck.operations.elsewhere import Elsewhere
from posdeck.operations.opening import Request, open_content


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    private_folders(monkeypatch, tmp_path)
    names = ("one", "two")
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": n, "cluster": {"server": f"https://{n}.invalid"}} for n in names],
        "users": [{"name": n, "user": {"token": "t"}} for n in names],
        "contexts": [
            {"name": n, "context": {"cluster": n, "user": n, "namespace": f"ns-{n}"}} for n in names
        ],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(document))
    return path


def elsewhere(kubeconfig: Path, **asked: str) -> Elsewhere:
    return Elsewhere(open_content(Request(kubeconfig=kubeconfig, **asked)))  # type: ignore[arg-type]


def test_names_come_from_the_inventory_and_the_kubeconfig(kubeconfig: Path) -> None:
    found = elsewhere(kubeconfig, environment="staging")
    assert found.contexts == ("one", "two")
    assert {"production", "staging", "simulated"} <= set(found.environments)
    assert {"spc--pos", "ns-one", "ns-two"} <= set(found.namespaces)


def test_a_context_brings_the_environment_that_is_bound_to_its_cluster(kubeconfig: Path) -> None:
    start = elsewhere(kubeconfig, environment="production")
    assert start.find(context="two").environment == "production", "nothing is bound: read-only in any case"
    target = open_content(Request(kubeconfig=kubeconfig, context="two")).target
    assert target is not None
    store_binding(start.opening.state, Binding("staging", target.server.url, bundle_digest(target)))
    found = start.find(context="two")
    assert (found.environment, found.production, found.context) == ("staging", False, "two")
    assert found.opening.chosen_by == "the binding of this cluster"


def test_an_environment_keeps_the_context_unless_it_names_its_own(kubeconfig: Path) -> None:
    found = elsewhere(kubeconfig, environment="staging", context="two").find(environment="production")
    assert (found.environment, found.production, found.context) == ("production", True, "two")


def test_a_namespace_changes_nothing_else(kubeconfig: Path) -> None:
    found = elsewhere(kubeconfig, environment="staging", context="two").find(namespace="other")
    assert (found.environment, found.context, found.namespace) == ("staging", "two", "other")


def test_read_only_goes_along(kubeconfig: Path) -> None:
    start = Elsewhere(open_content(Request(kubeconfig=kubeconfig, environment="staging", read_only=True)))
    assert start.find(environment="production").read_only


def test_what_is_not_there_is_an_error_and_goes_nowhere(kubeconfig: Path) -> None:
    start = elsewhere(kubeconfig, environment="staging")
    with pytest.raises(ConfigurationError):
        start.find(environment="prodution")
    with pytest.raises(UnreachableError, match="nowhere"):
        start.find(context="nowhere")
