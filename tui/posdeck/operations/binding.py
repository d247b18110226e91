"""Which cluster an environment may write to. The name of a context proves nothing, so an environment is bound
once to what identifies its cluster, and every write is held against that."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from posdeck.errors import ConfigurationError
from posdeck.operations.facts import ClusterFacts

FILE = "bindings.json"


@dataclass(frozen=True, slots=True)
class Binding:
    """The identity that an environment insists on. UIDs are empty where they could not be read when binding."""

    environment: str
    server: str
    ca_digest: str
    namespace_uid: str = ""
    cluster_uid: str = ""
    bound_at: str = ""
    bound_by: str = ""

    def difference(self, found: ClusterFacts) -> str:
        """In words how ``found`` is another cluster, or an empty string. A UID that was known when binding
        and cannot be read now is a difference too: it would otherwise be a way around the check."""
        pairs = (
            ("server", self.server, found.server),
            ("CA digest", self.ca_digest, found.ca_digest),
            ("namespace UID", self.namespace_uid, found.namespace_uid),
            ("kube-system UID", self.cluster_uid, found.cluster_uid),
        )
        for what, bound, seen in pairs:
            if bound and bound != seen:
                return f"its {what} is {seen or 'not readable'}, bound is {bound}"
        return ""


def read_bindings(state: Path) -> dict[str, Binding]:
    """All bindings by environment; raises ConfigurationError when the file cannot be understood."""
    path = state / FILE
    try:
        found = json.loads(path.read_text())
        return {name: Binding(**entry) for name, entry in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            str(path), f"the bindings cannot be read ({error})", "Bind again: posdeck environment bind NAME"
        ) from error


def store_binding(state: Path, binding: Binding) -> None:
    """Write one binding beside the others, atomically, readable by its owner only."""
    bindings = read_bindings(state)
    bindings[binding.environment] = binding
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=state, prefix=".bindings-")
    try:
        with os.fdopen(handle, "w") as stream:
            json.dump({name: asdict(b) for name, b in sorted(bindings.items())}, stream, indent=2)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(state / FILE)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def binding_problem(accept: str, environment: str, binding: Binding | None, found: ClusterFacts) -> str:
    """Why writes must be refused on this cluster, or an empty string.

    ``accept`` is the environment's rule: "embedded" takes only clusters whose namespace is marked as
    simulated (posdeck's own and those of the tests); "bound" takes only the cluster that was bound.
    """
    if not found.reachable:
        return f"the cluster cannot be asked who it is: {found.problem}"
    if accept == "embedded":
        if not found.simulated:
            return f"environment {environment} accepts only posdeck's embedded cluster, and this one is not marked as such"
        return binding.difference(found) if binding else ""
    if found.simulated:
        return f"this is a simulated cluster, and environment {environment} is not"
    if binding is None:
        return f"environment {environment} is not bound to a cluster"
    return binding.difference(found)
