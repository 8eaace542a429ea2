"""Which event of a VTN an event of ours comes from. It stands in the plan, so the ledger tells it after any crash.

One event of a VTN is at most one event of ours at a time, and never twice one for the same state of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gridflex.domain.curtailment import Event, Record, State, content_hash
from gridflex.domain.openadr.asked import Asked
from gridflex.errors import TransitionError, UsageError

_FIELD = "origin"
_LONGEST = 200
_MOST_STEPS = 300
_MOST_KW = 1e9
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("vtn", "event_id", "modified", "digest")
LIVE = frozenset({State.DRAFT, State.PROPOSED, State.APPROVED, State.SCHEDULED, State.ACTIVE})
"""States in which an event may still be cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A VTN's event at one state of it."""

    vtn: str
    """The VTN's address."""
    event_id: str
    """Of the VTN."""
    modified: str
    """When it was last changed there, as the VTN tells it."""
    digest: str
    """What it asked for: ``Asked.digest``."""
    kw: tuple[float, ...] = ()
    """Power asked for by step of five minutes."""
    program: str = ""
    """The VTN's program in which it was found; empty: that is not known."""

    @classmethod
    def of(cls, vtn: str, document: Mapping[str, Any], asked: Asked, program: str = "") -> Origin:
        """Of a VTN's event. ``program``: its name."""
        modified = str(document.get("modificationDateTime") or document.get("createdDateTime") or asked.digest)
        return cls(
            vtn=vtn, event_id=str(document["id"]), modified=modified, digest=asked.digest, kw=asked.kw, program=program
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "kw": list(self.kw)}


def with_origin(plan: Mapping[str, Any], origin: Origin) -> dict[str, Any]:
    """A plan that says where it comes from; its ``id`` is made anew."""
    document = {name: value for name, value in plan.items() if name != "id"} | {_FIELD: origin.to_json()}
    return {"id": f"plan-{content_hash(document)[:12]}", **document}


def origin_of(content: Mapping[str, Any]) -> Origin | None:
    """Where a plan comes from. Raises ``UsageError`` when it says so in another form than ours."""
    found = content.get(_FIELD)
    if found is None:
        return None
    told: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    texts = {name: told[name] for name in _TEXTS if isinstance(told.get(name), str)}
    optional = {"kw", "program"}
    if set(told) - optional != set(_TEXTS) or len(texts) < len(_TEXTS) or not all(map(_is_text, texts.values())):
        raise UsageError(
            f"origin: allowed: {', '.join(_TEXTS)}, 1 to {_LONGEST} printable signs each, and kw and program"
        )
    program = told.get("program", "")
    if not isinstance(program, str) or not (program == "" or _is_text(program)):
        raise UsageError(f"origin: program: allowed: at most {_LONGEST} printable signs")
    if not _DIGEST.fullmatch(texts["digest"]):
        raise UsageError("origin: digest: allowed: 64 hexadecimal digits")
    kw = told.get("kw", [])
    if not isinstance(kw, Sequence) or isinstance(kw, str) or len(kw) > _MOST_STEPS or not all(map(_is_power, kw)):
        raise UsageError(f"origin: kw: allowed: at most {_MOST_STEPS} numbers up to {_MOST_KW:g}")
    return Origin(**texts, kw=tuple(map(float, kw)), program=program)


def _is_text(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and text.isprintable()


def _is_power(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST_KW


def first_origin(history: Sequence[Record]) -> Origin | None:
    """Where an event comes from: what its draft says, whatever it was amended to."""
    return origin_of(history[0].what["content"] or {})


def check_origin(content: Mapping[str, Any], others: Iterable[tuple[Event, Sequence[Record]]]) -> None:
    """Raises ``TransitionError`` when there is an event of the same origin, ``UsageError`` when it has another form.

    ``others``: all other events with their records.
    """
    origin = origin_of(content)
    if origin is None:
        return
    for event, history in others:
        other = first_origin(history)
        if other and other.event_id == origin.event_id and (event.state in LIVE or other.modified == origin.modified):
            raise TransitionError(f"the VTN's event {origin.event_id} is {event.event_id} already: {event.state}")
