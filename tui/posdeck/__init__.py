"""posdeck: an incident console, in the terminal, for one Kubernetes namespace."""

__version__ = "0.1.0"
