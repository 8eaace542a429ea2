"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.support.examples import examples

pytest_plugins = ["tests.support.sampling"]

settings.register_profile(
    "any-machine", deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow]
)
"""No example fails because the machine is slow."""
settings.load_profile("any-machine")
