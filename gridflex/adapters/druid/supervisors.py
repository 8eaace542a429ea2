"""Changes Druid's supervisors to match the specs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.specs import Spec, is_submitted

Outcome = Literal["submitted", "resumed", "unchanged"]


def submit_changed(druid: Druid, specs: Mapping[str, Spec]) -> dict[str, Outcome]:
    """Submit each supervisor whose spec is new or changed, and resume each that is suspended; idempotent.

    Raises ``ServiceError`` when Druid does not answer, or refuses.
    """
    return {name: _submit(druid, name, spec) for name, spec in specs.items()}


def _submit(druid: Druid, name: str, spec: Spec) -> Outcome:
    found = druid.supervisor_spec(name)
    if found is None or not is_submitted(found, spec):
        druid.submit_supervisor(spec)
        return "submitted"
    if found.get("suspended"):
        druid.resume_supervisor(name)
        return "resumed"
    return "unchanged"
