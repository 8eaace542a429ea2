"""The best plan of a small problem, found by trying all."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from gridflex.domain.curtailment import Problem


def brute_force(problem: Problem) -> float:
    """The least cost over all plans in whole cohorts that break no limit, from the formulation alone."""
    choices = []
    for place, free in enumerate(problem.free.tolist()):
        first, after = problem.starts[place : place + 2]
        counts = [one for one in product(range(free + 1), repeat=after - first) if sum(one) <= free]
        choices.append((np.array(counts), slice(first, after)))
    sums: tuple[Any, ...] = (np.zeros(1), np.zeros((1, problem.shed_kw.shape[1])))
    feeders = range(len(problem.feeder_off_kw))
    rebound_kw, off_kw = ([np.zeros_like(sums[1]) for _ in feeders] for _ in range(2))
    for place, (counts, columns) in enumerate(choices):
        cost, shed_kw = counts @ problem.cost[columns], counts @ problem.shed_kw[columns]
        sums = (np.add.outer(sums[0], cost).ravel(), _outer(sums[1], shed_kw))
        for feeder in feeders:
            own = float(problem.feeder[place] == feeder)
            rebound_kw[feeder] = _outer(rebound_kw[feeder], -own * shed_kw)
            off_kw[feeder] = _outer(off_kw[feeder], own * (counts @ problem.off_kw[columns]))
    cost, shed_kw = sums
    event = shed_kw[:, : problem.event_steps]
    allowed = (event <= problem.target_kw + problem.over_kw + 1e-6).all(axis=1)
    allowed &= (-shed_kw[:, problem.event_steps :] <= problem.target_kw * problem.rebound_share + 1e-6).all(axis=1)
    for feeder in feeders:
        allowed &= (rebound_kw[feeder][:, problem.event_steps :] <= problem.feeder_rebound_kw[feeder] + 1e-6).all(
            axis=1
        )
        allowed &= (off_kw[feeder] <= problem.feeder_off_kw[feeder] + 1e-6).all(axis=1)
    missing_kw = problem.target_kw - event
    total = cost + problem.short_price * np.maximum(0, missing_kw).sum(axis=1)
    total += problem.over_price * np.maximum(0, -missing_kw).sum(axis=1)
    return float(total[allowed].min())


def _outer(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return (left[:, None] + right[None]).reshape(-1, left.shape[1])
