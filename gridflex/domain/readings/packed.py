"""Packs columns of integers into bytes, each column in the fewest bytes that hold it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridflex.domain.readings.columns import Ints

_WIDTHS = {0: None, 1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4"), 8: np.dtype("<i8")}


def pack(column: npt.NDArray[np.integer]) -> bytes:
    """A column as bytes.

    >>> len(pack(np.array([1, 255]))), len(pack(np.array([0, 0]))), len(pack(np.array([-1])))
    (3, 1, 9)
    """
    least, most = int(column.min(initial=0)), int(column.max(initial=0))
    width = next(w for w in _WIDTHS if w == 8 or (least >= 0 and most < 1 << 8 * w))
    kind = _WIDTHS[width]
    return bytes((width,)) + (column.astype(kind).tobytes() if kind else b"")


class PackedColumns:
    """Reads packed columns one after the other.

    >>> columns = PackedColumns(b"head" + pack(np.array([3, 4])) + pack(np.array([0])), 4)
    >>> columns.read(2).tolist(), columns.read(1).tolist()
    ([3, 4], [0])
    """

    def __init__(self, encoded: bytes, position: int = 0) -> None:
        self._encoded = encoded
        self._position = position

    def read(self, count: int) -> Ints:
        """The next column, shape (count,)."""
        kind = _WIDTHS[self._encoded[self._position]]
        self._position += 1
        if kind is None:
            return np.zeros(count, dtype=np.int64)
        column = np.frombuffer(self._encoded, dtype=kind, count=count, offset=self._position)
        self._position += count * kind.itemsize
        return column.astype(np.int64)
