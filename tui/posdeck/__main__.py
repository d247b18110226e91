"""Start posdeck: ``python -m posdeck`` and the ``posdeck`` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line and leave with its exit code."""
    from posdeck.cli.main import run

    run()


if __name__ == "__main__":
    main()
