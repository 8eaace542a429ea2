"""What requests and answers of the events service look like: the schemas of its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LATEST_MS = 4_102_444_800_000
"""2100-01-01, UTC epoch: a later instant is a mistake."""
_PRINTED = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""Nothing that a terminal would obey."""
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=_PRINTED)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the content that this is about.")]
Why = Annotated[str, Field(max_length=1000, pattern=_PRINTED, description="Kept in the ledger.")]
Reason = Annotated[Why, Field(min_length=1, description="Why; kept in the ledger.")]
Instant = Annotated[int, Field(ge=0, le=LATEST_MS, description="UTC epoch, ms.")]
Utc = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z$", max_length=30)]
Kilowatts = Annotated[float, Field(allow_inf_nan=False)]


class Body(BaseModel):
    """What a request may hold; anything else in it is an error."""

    model_config = ConfigDict(extra="forbid", strict=True)


class OffRun(Body):
    """One time off, ``[start, end)``."""

    start: Utc
    end: Utc


class PlanGroup(BaseModel):
    """Cohorts of one class on one feeder that are off at the same times."""

    model_config = ConfigDict(extra="allow", strict=True)

    region: Name
    feeder: Name
    appliance: Name
    cohorts: Annotated[list[Annotated[int, Field(ge=0, le=9)]], Field(min_length=1, max_length=10)]
    off: Annotated[list[OffRun], Field(min_length=1, max_length=300)]
    mean_kw: Kilowatts = 0.0


class ControlGroup(BaseModel):
    """The cohort that the event leaves alone."""

    model_config = ConfigDict(extra="allow", strict=True)

    cohort: Annotated[int, Field(ge=0, le=9)]


class ExpectedKw(Body):
    """Power shed in one interval of five minutes."""

    start: Utc
    p10: Kilowatts
    p50: Kilowatts
    p90: Kilowatts


class PlanDocument(BaseModel):
    """A plan as ``gridflex curtail plan --json`` prints it: these fields, and what explains them."""

    model_config = ConfigDict(extra="allow", strict=True)

    id: Annotated[str, Field(pattern=r"^plan-[0-9a-f]{12}$")] | None = None
    """Made from the hash of all else."""
    region: Name
    feeder: Name | None = None
    appliance: Name | None = None
    program: Name
    target_kw: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    start_ms: Instant
    end_ms: Instant
    approve_by_ms: Instant
    groups: Annotated[list[PlanGroup], Field(min_length=1, max_length=50_000)]
    control_group: ControlGroup | None = None
    expected_kw: Annotated[list[ExpectedKw], Field(max_length=300)] = []


class OriginBody(Body):
    """The VTN's event, at one state of it, that an event comes from."""

    vtn: Name
    event_id: Name
    modified: Name
    """When it was last changed there."""
    digest: Hash
    """Of what it asks for."""
    kw: Annotated[list[Kilowatts], Field(max_length=300)] = []
    """Power asked for by step of five minutes."""


class PlanRequestBody(Body):
    """What ``gridflex curtail plan`` asks for."""

    region: Name
    feeder: Name | None = None
    appliance: Name | None = None
    target_kw: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
    start: Annotated[str, Field(max_length=40, description="ISO 8601, UTC unless it says otherwise.")]
    duration: Annotated[str, Field(max_length=20, description="45, 45m, 1h, 1h30m or PT1H30M.")]
    program: Name = "standard"
    seed: Annotated[int, Field(ge=0, le=2**53)] = 0
    origin: OriginBody | None = None
    """Kept in the plan. An event of a VTN is never planned twice."""


class About(Body):
    """A decision on the content that was looked at."""

    content_hash: Hash
    reason: Why = ""


class Rejection(Body):
    """A refusal of the content that was looked at."""

    content_hash: Hash
    reason: Reason


class Cancellation(Body):
    """The end of an event."""

    reason: Reason


class Amendment(Body):
    """Another plan for an event."""

    content: PlanDocument
    reason: Reason


class EventSummary(BaseModel):
    """An event after its last change."""

    event_id: str
    state: str
    version: int
    region: str
    start_ms: int
    end_ms: int
    approve_by_ms: int
    changed_ms: int
    proposer: str
    approver: str
    content_hash: str
    target_kw: float | None = None
    origin: OriginBody | None = None
    """Of its draft: the VTN's event that it comes from."""


class HistoryRecord(BaseModel):
    """One record of the ledger, without its content."""

    sequence: int
    time_ms: int
    who: str
    roles: list[str]
    action: str
    why: str
    content_hash: str
    hash: str


class EventDetail(EventSummary):
    """An event with its plan and all that was done to it."""

    content: dict[str, Any]
    history: list[HistoryRecord]
    results: dict[str, Any]
    """Results of its commands, counted; empty before the first."""
    openadr: str | None = None
    """What became of it at the VTN, in one line; none without a VTN, or if there is nothing to tell."""


class Me(BaseModel):
    """Who asks."""

    name: str
    roles: list[str]
    regions: list[str] | None
    """None: all."""


class Drafted(BaseModel):
    """A draft event and its plan."""

    event_id: str
    content_hash: str
    plan: dict[str, Any]


class ProgramRow(BaseModel):
    """What a program allows."""

    name: str
    appliances: list[str]
    handling: list[str]
    events_per_week: int
    event_h: float
    season_h: float
    season_months: list[int]
    rest_h: float
    notice_min: float
    hours: list[float]
    weekdays: list[int]
    feeder_share: float
    rebound_cap: float


class FlexibilityRow(BaseModel):
    """What one slice could shed."""

    region: str
    feeder: str
    appliance: str
    horizon_min: int
    p10_kw: float
    p50_kw: float
    p90_kw: float
    fresh_share: float


class Flexibility(BaseModel):
    """What could be shed at one minute."""

    minute_ms: int
    rows: list[FlexibilityRow]


class RefusalRow(BaseModel):
    """A request that was refused."""

    time_ms: int
    who: str
    address: str
    method: str
    path: str
    status: int
    why: str


class FindingRow(BaseModel):
    """The first fault of the ledger."""

    fault: str
    sequence: int
    position: int
    detail: str


class Audit(BaseModel):
    """Whether the ledger is what was written, and who was refused lately."""

    records: int
    head: str
    finding: FindingRow | None
    refused: list[RefusalRow]


class Health(BaseModel):
    """The service answers for the ledger."""

    status: Literal["ok"]
    records: int


class Problem(BaseModel):
    """Why a request was refused, in one line."""

    detail: str
