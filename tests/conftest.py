"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.support.sampling"]

settings.register_profile("any-machine", deadline=None)
"""No example fails because the machine is slow."""
settings.load_profile("any-machine")
