"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

from tests.support.examples import examples

pytest_plugins = ["tests.support.sampling"]

settings.register_profile("any-machine", deadline=None, max_examples=examples(100))
"""No example fails because the machine is slow."""
settings.load_profile("any-machine")
