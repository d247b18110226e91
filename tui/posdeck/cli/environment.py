"""``posdeck environment``: which environments there are, and which cluster each may write to."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from posdeck.cli.audit import print_columns
from posdeck.cli.options import Options, connection_options, output_option
from posdeck.errors import RefusedError, UnreachableError

if TYPE_CHECKING:
    from posdeck.cluster.kubeconfig import Target
    from posdeck.operations.facts import ClusterFacts
    from posdeck.operations.opening import Opening


@click.group()
def environment() -> None:
    """List environments; bind one to its cluster."""


@environment.command("list")
@connection_options
@output_option("table", "json")
def list_environments(options: Options, output: str) -> None:
    """The environments of the inventory, and what each is bound to."""
    from posdeck.catalogue.reading import read_catalogue
    from posdeck.config import load_settings, state_folder
    from posdeck.content import find_content
    from posdeck.operations.binding import read_bindings

    folders = find_content(load_settings().content)
    bindings = read_bindings(state_folder())
    found = [(name, read_catalogue(folders.environment(name)).environment) for name in folders.environments()]
    if output == "json":
        document = [
            {
                "name": name,
                "production": e.production,
                "namespace": e.namespace,
                "accepts": e.accept,
                "binding": asdict(bindings[name]) if name in bindings else None,
            }
            for name, e in found
        ]
        click.echo(json.dumps(document, indent=2))
        return
    rows = []
    for name, e in found:
        binding = bindings.get(name)
        bound = (
            binding.server
            if binding
            else ("the embedded cluster" if e.accept == "embedded" else "– (read-only)")
        )
        rows.append((name, "PRODUCTION" if e.production else "", e.namespace, bound))
    print_columns([("NAME", "", "NAMESPACE", "BOUND TO"), *rows])


@environment.command()
@click.argument("name")
@connection_options
@click.option("--confirm", default="", metavar="NAME", help="Confirm without being asked.")
def bind(options: Options, name: str, confirm: str) -> None:
    """Bind environment NAME to the cluster of the chosen context: server, CA, and UIDs where they may be read."""
    from dataclasses import replace

    asyncio.run(_bind(replace(options, environment=name), name, confirm))


async def _bind(options: Options, name: str, confirm: str) -> None:
    from posdeck.operations.binding import read_bindings
    from posdeck.operations.opening import open_content

    opening = open_content(options.request())
    target = opening.target
    if target is None:
        raise UnreachableError("cluster", opening.problem)
    facts = await _facts_of(target)
    if facts.simulated and opening.catalogue.environment.accept != "embedded":
        raise RefusedError(
            "cluster-identity",
            f"environment {name}",
            "this is a simulated cluster",
            "Choose the right context.",
        )
    click.echo(f"environment  {name}{' (PRODUCTION)' if opening.catalogue.environment.production else ''}")
    click.echo(f"context      {target.context}\nserver       {facts.server}")
    click.echo(f"CA           {facts.ca_digest or 'none: anyone who answers is believed'}")
    click.echo(f"namespace    {target.namespace}, UID {facts.namespace_uid or 'not readable'}")
    click.echo(f"kube-system  UID {facts.cluster_uid or 'not readable'}")
    before = read_bindings(opening.state).get(name)
    if before is not None and (difference := before.difference(facts)):
        click.echo(f"It was bound to another cluster: {difference}")
    typed = confirm or click.prompt(f"Type {name} to bind it", default="", show_default=False)
    if typed != name:
        raise RefusedError("confirmation", f"environment {name}", f"{typed!r} was typed", f"Type {name}.")
    _record_and_store(opening, target, name, facts)
    click.echo(f"bound: {name}")


async def _facts_of(target: Target) -> ClusterFacts:
    """Which cluster answers there. Raises UnreachableError."""
    from posdeck.cluster.connection import connect
    from posdeck.operations.authority import target_ca_digest
    from posdeck.operations.facts import answer_with_async, ask_cluster
    from posdeck.operations.workshop import asker

    transport = await connect(target)
    try:
        facts = await answer_with_async(
            ask_cluster(target.namespace, target.server.url, target_ca_digest(target)), asker(transport)
        )
    finally:
        await transport.close()
    if not facts.reachable:
        raise UnreachableError(target.server.url, facts.problem, "posdeck doctor says more.")
    return facts


def _record_and_store(opening: Opening, target: Target, name: str, facts: ClusterFacts) -> None:
    """On record first, then in force."""
    from posdeck.audit.origin import os_actor, os_place
    from posdeck.audit.record import Note, Topic
    from posdeck.audit.sqlite import open_store
    from posdeck.clock import SystemClock
    from posdeck.operations.binding import Binding, store_binding

    actor, now = os_actor(), SystemClock().now()
    place = os_place(context=target.context, server=facts.server, cluster_uid=facts.cluster_uid,
                     namespace=target.namespace, environment=name)  # fmt: skip
    uids = {"namespace_uid": facts.namespace_uid, "cluster_uid": facts.cluster_uid}
    with open_store(opening.audit_file, SystemClock()) as store:
        note = Note(
            Topic.ENVIRONMENT_BOUND, f"environment {name} bound to {facts.server}", actor, place, subject=name,
            details={"ca_digest": facts.ca_digest, **uids},
        )  # fmt: skip
        store.append_note(note)
    binding = Binding(
        name,
        facts.server,
        facts.ca_digest,
        facts.namespace_uid,
        facts.cluster_uid,
        now.isoformat(),
        actor.user,
    )
    store_binding(opening.state, binding)
