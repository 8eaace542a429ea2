"""Encodes the duty cycles of a bucket as framed Avro messages, by the column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gridflex.adapters.avro import Coded, Nullable, StringTable, encode_columns
from gridflex.contracts.schemas import Schema
from gridflex.domain.duty_cycle import Rows, Status
from gridflex.domain.readings import IDENTITY_FIELDS
from stream_processing.codec.identity import Identities

_KINDS = {
    Status.ENDED: ("activation", "ended"),
    Status.RETRACTED: ("activation", "retracted"),
    Status.CONFIRMED: ("activation", "confirmed"),
    Status.CLOSED: ("window", "closed"),
}
_KIND_TABLE = StringTable([_KINDS[status] for status in Status])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Messages:
    """Keys and values to write to one topic, shape (m,)."""

    key: Sequence[bytes]
    value: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.key)


def duty_cycles(schema: Schema, rows: Rows, who: Identities) -> Messages:
    """Rows as messages, keyed by appliance. ``who``: shape (m,), the rows' appliances."""
    if len(rows) == 0:
        return Messages(key=[], value=[])
    value = encode_columns(
        schema,
        {
            "event_time_ms": rows.event_time_ms,
            ("kind", "status"): Coded(codes=rows.status, table=_KIND_TABLE),
            IDENTITY_FIELDS: Coded(codes=who.code, table=who.table),
            "start_ms": rows.start_ms,
            "end_ms": Nullable(values=rows.end_ms, valid=rows.has_end),
            "on_s": rows.on_s,
            "observed_s": rows.observed_s,
            "duty_cycle": Nullable(values=rows.duty_cycle, valid=rows.is_window),
            "mean_on_power_w": Nullable(values=rows.mean_on_power_w, valid=rows.has_on),
            "energy_wh": rows.energy_wh,
        },
    )
    return Messages(key=who.keys(who.code), value=value)
