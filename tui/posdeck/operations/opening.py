"""From options to what everything else needs: settings, content, environment, catalogue, and the cluster's address.
Nothing here talks to a cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from posdeck.catalogue.model import Catalogue
from posdeck.catalogue.reading import read_catalogue
from posdeck.cluster.kubeconfig import Target, load_target
from posdeck.config import Settings, load_settings, state_folder
from posdeck.content import ContentFolders, find_content
from posdeck.errors import PosdeckError

DEFAULT_ENVIRONMENT = "production"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; None where nothing was."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str | None = None
    environment: str | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """What was found. ``target`` is None with the ``problem`` when there is no cluster to connect to; ``chosen_by``
    says how the environment was chosen."""

    settings: Settings
    folders: ContentFolders
    catalogue: Catalogue
    state: Path
    request: Request
    target: Target | None = None
    problem: str = ""
    chosen_by: str = ""

    @property
    def namespace(self) -> str:
        """The namespace that is looked at."""
        return self.request.namespace or self.catalogue.environment.namespace

    @property
    def read_only(self) -> bool:
        """Whether writing was switched off by option or configuration."""
        return self.request.read_only or self.settings.read_only

    @property
    def audit_file(self) -> Path:
        """Where the record is kept."""
        from posdeck.operations.journal import audit_path  # the record is not needed for the first frame

        return audit_path(self.settings)


def open_content(request: Request) -> Opening:
    """Resolve everything; raises ConfigurationError or ContentError for what a person must mend first. A missing
    or broken kubeconfig is no such thing: the interface opens and says so."""
    settings = load_settings()
    folders = find_content(settings.content)
    state = state_folder()
    target, problem = _target(request)
    name, chosen_by = _environment(request, settings, folders, state, target)
    catalogue = read_catalogue(folders.environment(name))
    if target is not None:
        namespace = request.namespace or catalogue.environment.namespace
        target = replace(target, namespace=namespace)
        wanted = catalogue.environment.context
        if wanted and request.context is None and target.context != wanted:
            target, problem = _target(replace(request, context=wanted))
            target = replace(target, namespace=namespace) if target else None
    return Opening(settings, folders, catalogue, state, request, target, problem, chosen_by)


def _target(request: Request) -> tuple[Target | None, str]:
    try:
        return load_target(request.kubeconfig, request.context), ""
    except PosdeckError as error:
        return None, str(error)


def _environment(
    request: Request, settings: Settings, folders: ContentFolders, state: Path, target: Target | None
) -> tuple[str, str]:
    """The environment: as asked, as configured, the one bound to this cluster, else production (which stays
    read-only until it is bound, so that a wrong guess can change nothing)."""
    if request.environment:
        return request.environment, "--environment"
    if settings.environment:
        return settings.environment, "the configuration file"
    names = folders.environments()
    if target is not None:
        from posdeck.operations.authority import bundle_digest
        from posdeck.operations.binding import read_bindings

        digest = bundle_digest(target)
        bound = [
            b.environment
            for b in read_bindings(state).values()
            if b.server == target.server.url and b.ca_digest == digest and b.environment in names
        ]
        if len(bound) == 1:
            return bound[0], "the binding of this cluster"
    if DEFAULT_ENVIRONMENT in names or not names:
        return DEFAULT_ENVIRONMENT, "default"
    return names[0], "the only one" if len(names) == 1 else "default"
