"""Fits a ridge regression for each block of hours of a day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridflex.domain.readings import Floats, Ints

BLOCKS = 12
_PENALTY = 0.01
"""Relative to the number of examples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRidge:
    """Linear models of F features, one a block; what is unknown counts as the feature's mean."""

    mean: Floats
    """Shape (F,)."""
    spread: Floats
    """Shape (F,); 1 for a feature that never changes."""
    weights: Floats
    """Shape (BLOCKS, F + 1): the last is the constant."""

    def predict(self, told: Floats, block: Ints) -> Floats:
        """Values for features of shape (n, F); ``block``: shape (n,)."""
        found: Floats = (_design(told, self.mean, self.spread) * self.weights[block]).sum(axis=1)
        return found


def fit_ridge(told: Floats, wanted: Floats, block: Ints) -> BlockRidge:
    """Fit to features (n, F), values (n,) and blocks (n,); a block without examples predicts 0.

    >>> line = np.arange(100.0)
    >>> fitted = fit_ridge(line[:, None], 2 * line + 1, np.zeros(100, dtype=np.int64))
    >>> bool(abs(fitted.predict(np.array([[50.0]]), np.array([0]))[0] - 101) < 1)
    True
    """
    known = np.isfinite(told)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, told, 0.0).sum(axis=0) / count
    centred = np.where(known, told - mean, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / count)
    spread = np.where(spread > 0, spread, 1.0)
    design = _design(told, mean, spread)
    weights = np.zeros((BLOCKS, design.shape[1]))
    for one in range(BLOCKS):
        rows = block == one
        if rows.any():
            of_block = design[rows]
            penalty = np.full(design.shape[1], _PENALTY * max(int(rows.sum()), 100))
            penalty[-1] = 1e-9
            weights[one] = np.linalg.solve(of_block.T @ of_block + np.diag(penalty), of_block.T @ wanted[rows])
    return BlockRidge(mean=mean, spread=spread, weights=weights)


def _design(told: Floats, mean: Floats, spread: Floats) -> Floats:
    standard = np.where(np.isfinite(told), (told - mean) / spread, 0.0)
    return np.concatenate([standard, np.ones((len(told), 1))], axis=1)
