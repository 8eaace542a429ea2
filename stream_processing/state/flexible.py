"""Computes what could be shed of eligible appliances each minute, and encodes it as framed Avro messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gridflex.adapters.avro import Coded, Column, encode_columns
from gridflex.contracts.schemas import Schema
from gridflex.domain.duty_cycle import Rows
from gridflex.domain.flexibility import AHEAD_MIN, HORIZONS_MIN, Flexibility, Forecaster, Records, minutes_of
from gridflex.domain.readings import IDENTITY_FIELDS, MS_PER_S, Floats, Ints
from stream_processing.codec.identity import Identities, Identity
from stream_processing.codec.messages import Messages

_MS_PER_MIN = 60 * MS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class FlexibilityEncoder:
    """Computes the flexibility of each minute for all appliances with fresh data, and encodes it.

    It goes to the executors with all that it needs.
    Who takes part is applied where the messages are written (``transforms.enrolment``).
    """

    forecaster: Forecaster
    schema: Schema

    def fold(self, records: Records, rows: Rows, who: Identities) -> tuple[Messages, Records]:
        """Compute and encode the flexibility of new minutes; gives the messages, keyed by appliance, and the records to
        keep. ``who``: shape (m,), the rows' appliances.
        """
        chosen, minutes = minutes_of(rows, self._rules(who.distinct)[who.code])
        if len(minutes) == 0:
            return Messages(key=[], value=[]), records
        flexibility, records = self.forecaster.fold(records, minutes)
        owner = who.code[chosen]
        fresh = flexibility.fresh.astype(np.int64)
        columns: dict[str | tuple[str, ...], Column] = {
            "event_time_ms": minutes.minute * _MS_PER_MIN,
            IDENTITY_FIELDS: Coded(codes=owner, table=who.table),
            "fresh": fresh,
            "callable": fresh,
        }
        columns.update(_figures(flexibility.only(flexibility.fresh)))
        return Messages(key=who.keys(owner), value=encode_columns(self.schema, columns)), records

    def _rules(self, distinct: list[Identity]) -> Ints:
        """The code of each appliance's rule, shape (m,); looked up once for each class."""
        classes = [(one.appliance, one.dataset) for one in distinct]
        codes = {one: self.forecaster.rules.code(*one) for one in set(classes)}
        return np.array([codes[one] for one in classes], dtype=np.int64)


def _figures(flexibility: Flexibility) -> Iterator[tuple[str, Floats]]:
    """The columns of figures by field: one for each horizon."""
    kinds = (
        ("flex_{}_w", flexibility.flex_w, HORIZONS_MIN),
        ("variance_{}_w2", flexibility.variance_w2, HORIZONS_MIN),
        ("shared_{}_w", flexibility.shared_w, HORIZONS_MIN),
        ("rebound_{}_wh", flexibility.rebound_wh[1:], AHEAD_MIN),
    )
    for name, columns, horizons in kinds:
        for horizon, column in zip(horizons, columns, strict=True):
            yield name.format(horizon), column.astype(np.float64)
