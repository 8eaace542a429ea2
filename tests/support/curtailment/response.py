"""The response of a group, as the planner takes it to be."""

from __future__ import annotations

from gridflex.domain.curtailment import FlexibleGroup, Response, response


def response_of(group: FlexibleGroup, steps: int) -> Response:
    """Of a group that has a rule."""
    assert group.rule
    return response(group.rule, group.moments, steps)
