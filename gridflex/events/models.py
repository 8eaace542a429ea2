"""What requests and answers of the events service look like: the schemas of its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_HASH_EXAMPLE = "0f" * 32
_PLAN_EXAMPLE: dict[str, Any] = {
    "region": "Sfax",
    "program": "standard",
    "target_kw": 250.0,
    "start_ms": 1_815_760_800_000,
    "end_ms": 1_815_764_400_000,
    "approve_by_ms": 1_815_757_200_000,
    "groups": [
        {
            "region": "Sfax",
            "feeder": "Sfax-F01",
            "appliance": "fridge",
            "cohorts": [1, 2],
            "off": [{"start": "2027-07-16T18:00:00Z", "end": "2027-07-16T18:10:00Z"}],
        }
    ],
}
LATEST_MS = 4_102_444_800_000
"""2100-01-01, UTC epoch: a later instant is a mistake."""
PRINTED = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""Nothing that a terminal would obey."""
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTED)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the content that this is about.")]
Why = Annotated[str, Field(max_length=1000, pattern=PRINTED, description="Kept in the ledger.")]
Reason = Annotated[Why, Field(min_length=1, description="Why; kept in the ledger.")]
Instant = Annotated[int, Field(ge=0, le=LATEST_MS, description="UTC epoch, ms.")]
Utc = Annotated[
    str,
    Field(
        description="ISO 8601, UTC, such as 2027-07-14T18:00:00Z.",
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z$",
        max_length=30,
    ),
]
Kilowatts = Annotated[float, Field(allow_inf_nan=False)]


class Answer(BaseModel):
    """What an answer holds."""

    model_config = ConfigDict(use_attribute_docstrings=True)


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
    """A plan as ``gridflex curtail plan ... --json`` prints it: these fields, and what explains them."""

    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra={"examples": [_PLAN_EXAMPLE]})

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
    program: Annotated[str, Field(max_length=200, pattern=PRINTED)] = ""
    """The VTN's program in which it was found."""


class PlanRequestBody(Body):
    """What ``gridflex curtail plan`` asks for."""

    # No "examples": programs that try an API by them would ask for plans.
    model_config = ConfigDict(
        json_schema_extra={
            "x-sample": {"region": "Sfax", "target_kw": 250.0, "start": "2027-07-16T18:00", "duration": "1h"}
        }
    )

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

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"content_hash": _HASH_EXAMPLE, "reason": "evening peak"}]}
    )

    content_hash: Hash
    reason: Why = ""


class Rejection(Body):
    """A refusal of the content that was looked at."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"content_hash": _HASH_EXAMPLE, "reason": "too many households"}]}
    )

    content_hash: Hash
    reason: Reason


class Cancellation(Body):
    """The end of an event."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the line is back"}]})

    reason: Reason


class Amendment(Body):
    """Another plan for an event."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"content": _PLAN_EXAMPLE, "reason": "fewer households"}]}
    )

    content: PlanDocument
    reason: Reason


class EventSummary(Answer):
    """An event after its last change."""

    event_id: str
    state: str
    """One of the states in docs/curtailment.md."""
    version: int
    """Counts the plan's versions from 1."""
    region: str
    start_ms: int
    end_ms: int
    approve_by_ms: int
    """Not approved before this instant, the event expires."""
    changed_ms: int
    """When the last change was made."""
    proposer: str
    """Who proposed this version; empty before."""
    approver: str
    """Who approved or rejected this version; empty before."""
    content_hash: str
    """SHA-256 of this version's plan, which a decision must name."""
    target_kw: float | None = None
    origin: OriginBody | None = None
    """Of its draft: the VTN's event that it comes from."""


class HistoryRecord(Answer):
    """One record of the ledger, without its content."""

    sequence: int
    """Number of the record in the ledger, from 0."""
    time_ms: int
    who: str
    """User, or gridflex for the platform itself."""
    roles: list[str]
    """Of the user at that time."""
    action: str
    why: str
    """The reason, as given."""
    content_hash: str
    """Of the content that the change is about."""
    hash: str
    """Of this record; the next record contains it."""


class EventDetail(EventSummary):
    """An event with its plan and all that was done to it."""

    content: dict[str, Any]
    """The plan."""
    history: list[HistoryRecord]
    results: dict[str, Any]
    """Results of its commands, counted; empty before the first."""
    openadr: str | None = None
    """What became of it at the VTN, in one line; none without a VTN, or if there is nothing to tell."""


class Me(Answer):
    """Who asks."""

    name: str
    roles: list[str]
    regions: list[str] | None
    """Null: all."""


class Drafted(Answer):
    """A draft event and its plan."""

    event_id: str
    content_hash: str
    plan: dict[str, Any]


class ProgramRow(Answer):
    """What a program allows."""

    name: str
    appliances: list[str]
    """Classes that may be called; empty: all that a flexibility rule allows."""
    handling: list[str]
    events_per_week: int
    """Of one dispatch group, within any seven days."""
    event_h: float
    """Longest event."""
    season_h: float
    """Hours of events of one dispatch group within a season."""
    season_months: list[int]
    """First and last month of the season."""
    rest_h: float
    """From the end of one event of a dispatch group to the begin of its next."""
    notice_min: float
    """From the approval, at the latest, to the begin."""
    hours: list[float]
    """Local hours between which an event must lie."""
    weekdays: list[int]
    """Local days on which an event may begin: 1 is Monday."""
    feeder_share: float
    """Largest share of a feeder's flexible power that is off at once, 0..1."""
    rebound_cap: float
    """Largest rebound: of all together relative to the target, of a feeder relative to its flexible power."""


class FlexibilityRow(Answer):
    """What one slice could shed."""

    region: str
    feeder: str
    appliance: str
    horizon_min: int
    """Length of the event."""
    p10_kw: float
    p50_kw: float
    p90_kw: float
    fresh_share: float
    """Share of the known appliances whose data is fresh, 0..1."""


class Flexibility(Answer):
    """What could be shed at one minute."""

    minute_ms: int
    """The minute that the figures are of."""
    rows: list[FlexibilityRow]


class RefusalRow(Answer):
    """A request that was refused."""

    time_ms: int
    who: str
    """The user; empty if the token is unknown."""
    address: str
    method: str
    path: str
    status: int
    why: str


class FindingRow(Answer):
    """The first fault of the ledger."""

    fault: str
    sequence: int
    """Number of the record."""
    position: int
    """The record's place in the topic, from 0."""
    detail: str


class Audit(Answer):
    """Whether the ledger is what was written, and who was refused lately."""

    records: int
    head: str
    """Hash of the last record."""
    finding: FindingRow | None
    """Null if the ledger is in order."""
    refused: list[RefusalRow]


class VtnStatus(Answer):
    """Whether the VTN to which events are brought took the service in."""

    vtn: str
    client_id: str
    program: str
    asked_ms: int | None
    """When it was asked last, UTC epoch; null: not yet."""
    problem: str
    """Why it did not; empty: it did."""


class Status(Answer):
    """What the service does now. Events and commands: of the regions that the token's owner may see."""

    records: int
    """Of the ledger."""
    events: dict[str, int]
    """Events by state."""
    refused_commands: int
    """Commands that appliances refused, of all events that are scheduled or run."""
    dispatch_age_s: float
    """Seconds since the service last looked for what is due."""
    stalled: str
    """Why nothing is dispatched any more; empty while it is."""
    openadr: VtnStatus | None
    """Null: events are brought to no VTN."""


class Health(Answer):
    """The service answers for the ledger, and dispatches."""

    status: Literal["ok"]
    records: int


class Problem(Answer):
    """Why a request was refused, in one line."""

    detail: str
