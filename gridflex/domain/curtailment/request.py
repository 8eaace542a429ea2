"""Defines what an operator requests: so many kilowatts, where, when, for how long, under which program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from gridflex.domain.curtailment.limits import event_breaches
from gridflex.domain.curtailment.patterns import STEP_MIN
from gridflex.domain.curtailment.programs import Program
from gridflex.errors import LimitError

MS_PER_STEP = STEP_MIN * 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """A request for a plan.

    Invariants: the target is above zero; the event lies ahead and lasts whole steps of five minutes; the seed is not
    negative. ``ValueError`` says which of them does not hold.
    """

    program: Program
    region: str
    feeder: str = ""
    """Empty: all feeders of the region."""
    appliance: str = ""
    """Empty: all classes that the program names."""
    target_kw: float
    start_ms: int
    end_ms: int
    now_ms: int
    """UTC epoch each; ``[start, end)``."""
    basis_ms: int = 0
    """The minute whose flexibility the plan rests on, UTC epoch."""
    enrolment_offset: int | None = None
    """One past the last enrolment that was known when the plan was asked for; ``None``: that is not known."""
    enrolment_changes: int | None = None
    """How many of them came after that minute, and are in its flexibility perhaps not yet."""
    seed: int = 0
    zone: tzinfo = UTC
    """Of the households: program hours and weekdays are local."""
    recent_controls: tuple[int, ...] = ()
    """Control cohorts of earlier events of these households."""
    left_alone: tuple[int, ...] = ()
    """Control cohorts of other events at the same time: not called; the first is this event's control group, too."""

    def __post_init__(self) -> None:
        if not 0 < self.target_kw < float("inf"):
            raise ValueError(f"target: found {self.target_kw:g} kW; allowed: above 0")
        length_ms = self.end_ms - self.start_ms
        if length_ms <= 0 or length_ms % MS_PER_STEP:
            raise ValueError(
                f"duration: found {length_ms / 60_000:g} min; allowed: {STEP_MIN}, {2 * STEP_MIN}, ... min"
            )
        if self.start_ms <= self.now_ms:
            raise ValueError(f"start: found {_utc(self.start_ms)}; allowed: later than now, {_utc(self.now_ms)}")
        if self.seed < 0:
            raise ValueError(f"seed: found {self.seed}; allowed: 0, 1, ...")

    @property
    def steps(self) -> int:
        """The number of steps of five minutes."""
        return (self.end_ms - self.start_ms) // MS_PER_STEP

    @property
    def event_key(self) -> str:
        """What tells one event from another, for drawing at random."""
        return f"{self.region}/{self.feeder}/{self.appliance}/{self.start_ms}/{self.end_ms}"

    @property
    def approve_by_ms(self) -> int:
        """The instant before which an event of this plan must be approved, UTC epoch."""
        return self.start_ms - round(self.program.notice_min * 60_000)

    def check_program(self) -> None:
        """Raises ``LimitError`` naming every limit of the program that forbids the event as a whole."""
        breaches = event_breaches(
            self.program, start_ms=self.start_ms, end_ms=self.end_ms, now_ms=self.now_ms, zone=self.zone
        )
        if breaches:
            raise LimitError(f"program {self.program.name!r} does not allow this: {'; '.join(map(str, breaches))}")


def _utc(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
