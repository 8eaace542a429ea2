"""Detects duty cycles: which appliances are on when, as activations and as sliding windows of duty."""

from __future__ import annotations

from gridflex.domain.duty_cycle.detector import Detector
from gridflex.domain.duty_cycle.grouping import Batch, Late
from gridflex.domain.duty_cycle.levels import Levels, PowerHistogram, own_profile
from gridflex.domain.duty_cycle.profiles import DEFAULT, Profile, Profiles
from gridflex.domain.duty_cycle.rows import Rows, Status
from gridflex.domain.duty_cycle.state import ENERGY, OBSERVED, ON, ON_ENERGY, DetectorState, empty_state, find

__all__ = [
    "DEFAULT",
    "ENERGY",
    "OBSERVED",
    "ON",
    "ON_ENERGY",
    "Batch",
    "Detector",
    "DetectorState",
    "Late",
    "Levels",
    "PowerHistogram",
    "Profile",
    "Profiles",
    "Rows",
    "Status",
    "empty_state",
    "find",
    "own_profile",
]
