"""Writes the ground truth of a generated data set: one line for each activation of each circuit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from gridflex.contracts.appliances import appliance_class
from gridflex.contracts.profiles import load_profiles
from gridflex.domain.duty_cycle import Profile
from gridflex.domain.readings import MS_PER_S, HouseId
from ingestion.generator.house import MeteredHouse
from ingestion.generator.sampling import Span

_UNKNOWN_S = 60.0
_WS_PER_WH = 3600.0


def truth_lines(
    house: MeteredHouse, *, name: str, first_channel: int, holes: Sequence[Sequence[Span]], since_s: float = 0.0
) -> Iterator[str]:
    """JSON lines in order of channels, then of time. ``holes``: per circuit, where its readings have a hole.

    What began before ``since_s``, when nothing was written yet, is left out.

    Times are source time, UTC. ``power_w`` is the mean power while it is on, ``energy_wh`` of all the activation,
    both of the plan: measured ones differ by noise. ``observed`` is false where a hole hides the start or the end, or
    is so long that it cuts the activation in two.
    """
    profiles = load_profiles()
    house_id = HouseId(dataset=house.dataset, house=name)
    for index, (circuit, trace) in enumerate(zip(house.circuits, house.traces, strict=True)):
        appliance = appliance_class(house.dataset, circuit.label)
        profile = profiles.get(appliance, house.dataset)
        channel = str(first_channel + index)
        for start_s, end_s in trace.activations if profile.detect else ():
            if start_s < since_s:
                continue
            energy_ws, _ = trace.energy_ws(start_s, end_s)
            on_ws, on_s = trace.energy_ws(start_s, end_s, least_w=profile.on_w / circuit.share)
            yield json.dumps(
                {
                    "house": name,
                    "channel": channel,
                    "house_id": str(house_id),
                    "appliance_id": str(house_id.series(channel)),
                    "appliance": appliance,
                    "start_ms": round(start_s * MS_PER_S),
                    "end_ms": round(end_s * MS_PER_S),
                    "power_w": round(on_ws / on_s * circuit.share, 3),
                    "energy_wh": round(energy_ws * circuit.share / _WS_PER_WH, 3),
                    "observed": is_observed(start_s, end_s, holes[index], profile),
                }
            )


def is_observed(start_s: float, end_s: float, holes: Sequence[Span], profile: Profile) -> bool:
    """Whether the readings show an activation's start and end, and hold it together. ``holes``: ascending.

    >>> from gridflex.contracts.profiles import load_profiles
    >>> kettle = load_profiles().get("kettle")
    >>> [is_observed(100, 220, [hole], kettle) for hole in [(95, 105), (110, 130), (110, 180), (300, 900)]]
    [False, True, False, True]
    """
    longest_s = max(_UNKNOWN_S, profile.min_off_s / 2)
    ends = np.array([end for _, end in holes])
    for begin, end in holes[int(np.searchsorted(ends, start_s)) :]:
        if begin >= end_s:
            return True
        if begin < start_s or end >= end_s or end - begin > longest_s:
            return False
    return True
