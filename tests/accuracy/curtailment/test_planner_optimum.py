"""Plans of small fleets against the best of all plans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gridflex.contracts.programs import load_programs
from gridflex.curtailment.solver import solve
from gridflex.domain.curtailment import COHORTS, plan_event
from tests.support.curtailment.brute_force import brute_force
from tests.support.simulated.fleet import request, resting


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.4, 0.8])
@pytest.mark.parametrize("rebound_cap", [0.6, 5.0])
def test_plan__is_within_2_percent_of_the_brute_force_optimum(seed: int, share: float, rebound_cap: float) -> None:
    random = np.random.default_rng(seed)
    names = random.permutation(["fridge", "air_conditioning", "freezer", "dishwasher"])[:3]
    groups = [resting(str(name), f"F{place % 2}", 3, appliances=int(random.integers(50, 150)))
              for place, name in enumerate(names)]  # fmt: skip
    usual_kw = sum(float(one.moments.flex_w[1]) for one in groups) / 1000 * 3 / COHORTS
    program = replace(load_programs()["standard"], rebound_cap=rebound_cap)
    solution = plan_event(request(share * usual_kw, minutes=10, seed=seed, program=program), groups, solve)
    best = brute_force(solution.problem)
    assert best - 1e-6 <= solution.objective <= best * 1.02 + 1e-9
    assert solution.bound <= best + 1e-6
