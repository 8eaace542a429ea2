"""Sets flexibility messages to zero for appliances that may not be called.

It is done where a micro-batch is written, on the driver: there the enrolment is known as it is at that moment, and no
executor has to be told of a change. What Spark keeps as state does not depend on it, so a micro-batch that is run again
tells the same of everybody whose enrolment is the same.
"""

from __future__ import annotations

from collections.abc import Callable

from gridflex.contracts.schemas import FRAME_LENGTH, Schema
from gridflex.domain.enrolment import Enrolment, Participation, callable_at, names_of
from gridflex.domain.readings import IDENTITY_FIELDS
from gridflex.errors import SchemaError
from stream_processing.codec.identity import MOST, identify

_FLAG_BYTES, _DOUBLE_BYTES = 1, 8


class EnrolmentFilter:
    """Applies the enrolment of the moment to messages of the schema ``flexibility``.

    An appliance that may not be called on has ``callable`` 0 and all figures 0, as one without fresh data. Raises
    ``SchemaError`` if the schema is not laid out so that these stand in the last bytes of each message.
    """

    def __init__(self, schema: Schema, participation: Callable[[], Participation]) -> None:
        first = ("event_time_ms", *IDENTITY_FIELDS, "fresh", "callable")
        head, rest = schema.fields[: len(first)], schema.fields[len(first) :]
        if tuple(field.name for field in head) != first or any(field.avro_type != "double" for field in rest):
            raise SchemaError(f"schema {schema.name}: expected the fields {', '.join(first)}, then doubles alone")
        self._participation = participation
        self._nothing = bytes(_FLAG_BYTES + _DOUBLE_BYTES * len(rest))
        """``callable`` and all figures, 0 each."""
        self._names: dict[bytes, tuple[str, ...]] = {}
        """By an identity's bytes: the keys of enrolments that are about the appliance."""
        self._known = Participation()
        self._about: dict[bytes, tuple[Enrolment, ...]] = {}
        """By an identity's bytes: what is known of the appliance."""

    def __call__(self, values: list[bytes]) -> list[bytes]:
        """Messages as they are to be written, in their order: framed Avro, as many as given."""
        known = self._participation()
        if not known:
            return values
        if known is not self._known or len(self._about) > MOST:
            self._known, self._about = known, {}
        if len(self._names) > MOST:
            self._names = {}
        return [self._kept(value) for value in values]

    def _kept(self, value: bytes) -> bytes:
        start = FRAME_LENGTH
        while value[start] & 0x80:
            start += 1
        start += 1
        encoded = value[start : -len(self._nothing) - _FLAG_BYTES]
        about = self._about.get(encoded)
        if about is None:
            about = self._about[encoded] = self._look_up(encoded)
        if not about or callable_at(about, _long(value[FRAME_LENGTH:start])):
            return value
        return value[: -len(self._nothing)] + self._nothing

    def _look_up(self, encoded: bytes) -> tuple[Enrolment, ...]:
        names = self._names.get(encoded)
        if names is None:
            one = identify(encoded)
            if one is None:
                raise SchemaError(f"a flexibility message without an identity: {encoded[:80]!r}")
            names = self._names[encoded] = names_of(one.house_id, one.appliance_id, one.dataset)
        return tuple(self._known.said_of(names))


def _long(encoded: bytes) -> int:
    """Decode an Avro long.

    >>> _long(bytes([0x80, 0x01]))
    64
    """
    zigzag = 0
    for place, byte in enumerate(encoded):
        zigzag |= (byte & 0x7F) << (7 * place)
    return (zigzag >> 1) ^ -(zigzag & 1)
