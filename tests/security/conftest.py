"""The places of the acceptance tests serve here too."""

from __future__ import annotations

from tests.acceptance.conftest import (
    embedded_desk,
    embedded_place,
    real_desk,
    real_place,
    without_numbers,
)

__all__ = ["embedded_desk", "embedded_place", "real_desk", "real_place", "without_numbers"]
