"""Defines types of columns (numpy arrays of one kind of value each) and the units of time that they are counted in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Indexes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MS_PER_S = 1000
MS_PER_DAY = 86_400_000
