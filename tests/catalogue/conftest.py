"""The inventory of the checkout, and small ones written for one test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "inventory"
ENVIRONMENTS = ("production", "staging", "simulated")

HOSTS = """\
all:
  children:
    consumers:
      hosts:
        consumer-order:
          deployment: shop--consumer-order
          purpose: Orders
          replicas: 1
          maximum: 3
        consumer-refund:
          deployment: shop--consumer-refund
          purpose: Refunds
          replicas: 0
          state: asleep
"""
SHARED = """\
posdeck_environment: test
production: false
kube_namespace: shop
name_prefix: shop--
group_facts:
  consumers: {title: Consumers, order: 1}
"""

Writer = Callable[..., Path]


@pytest.fixture
def write_inventory(tmp_path: Path) -> Writer:
    """Write an inventory folder named test; keyword arguments replace or add files, "/" written as "__"."""

    def write(hosts: str = HOSTS, shared: str = SHARED, **files: str) -> Path:
        folder = tmp_path / "inventory" / "test"
        contents = {"hosts.yml": hosts, "group_vars/all.yml": shared}
        contents |= {name.replace("__", "/") + ".yml": text for name, text in files.items()}
        for name, text in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    return write
