"""Defines curtailment: events and their states, the ledger of their changes, programs' limits, and plans."""

from __future__ import annotations

from gridflex.domain.curtailment.actors import Actor, Role
from gridflex.domain.curtailment.admission import check_admission
from gridflex.domain.curtailment.audit import Fault, Finding, Head, head, replay_finding, verify, verify_chain
from gridflex.domain.curtailment.called import CalledGroup, called_groups, check_rules, control_cohort_of
from gridflex.domain.curtailment.canonical import canonical_json, content_hash
from gridflex.domain.curtailment.dispatch import (
    RESTORE_SPREAD_MS,
    SPREAD_MS,
    Command,
    CommandAction,
    commands_of,
    restores_of,
    stable_hash,
)
from gridflex.domain.curtailment.duties import PLATFORM, duty, released_ms
from gridflex.domain.curtailment.eligibility import find_candidates, planning_problem
from gridflex.domain.curtailment.event import DISPATCHED, ENDED, Action, Change, Event, State, apply
from gridflex.domain.curtailment.groups import COHORTS, FlexibleGroup, cohort_of, control_cohort
from gridflex.domain.curtailment.held import HeldEvent, check_calls, held_events, with_calls, with_controls
from gridflex.domain.curtailment.hold import Hold, Holds, Plug
from gridflex.domain.curtailment.ledger import NO_RECORD, Ledger, Record, chained, fold, newest_plans
from gridflex.domain.curtailment.limits import Breach, Call, Limit, event_breaches, group_breach
from gridflex.domain.curtailment.linear import LinearProgram, LinearSolution, Solver
from gridflex.domain.curtailment.patterns import STEP_MIN, off_patterns
from gridflex.domain.curtailment.plan import interval_quantiles_kw, plan_document
from gridflex.domain.curtailment.planner import Solution, plan_event
from gridflex.domain.curtailment.problem import Problem, least_cost, most_power
from gridflex.domain.curtailment.programs import Program
from gridflex.domain.curtailment.request import PlanRequest
from gridflex.domain.curtailment.response import Response, response
from gridflex.domain.curtailment.responses import (
    CommandResult,
    GroupCounts,
    IntervalOutlook,
    Responses,
    Result,
    TopUp,
    responses_of,
)
from gridflex.domain.curtailment.search import Search

__all__ = [
    "COHORTS",
    "DISPATCHED",
    "ENDED",
    "NO_RECORD",
    "PLATFORM",
    "RESTORE_SPREAD_MS",
    "SPREAD_MS",
    "STEP_MIN",
    "Action",
    "Actor",
    "Breach",
    "Call",
    "CalledGroup",
    "Change",
    "Command",
    "CommandAction",
    "CommandResult",
    "Event",
    "Fault",
    "Finding",
    "FlexibleGroup",
    "GroupCounts",
    "Head",
    "HeldEvent",
    "Hold",
    "Holds",
    "IntervalOutlook",
    "Ledger",
    "Limit",
    "LinearProgram",
    "LinearSolution",
    "PlanRequest",
    "Plug",
    "Problem",
    "Program",
    "Record",
    "Response",
    "Responses",
    "Result",
    "Role",
    "Search",
    "Solution",
    "Solver",
    "State",
    "TopUp",
    "apply",
    "called_groups",
    "canonical_json",
    "chained",
    "check_admission",
    "check_calls",
    "check_rules",
    "cohort_of",
    "commands_of",
    "content_hash",
    "control_cohort",
    "control_cohort_of",
    "duty",
    "event_breaches",
    "find_candidates",
    "fold",
    "group_breach",
    "head",
    "held_events",
    "interval_quantiles_kw",
    "least_cost",
    "most_power",
    "newest_plans",
    "off_patterns",
    "plan_document",
    "plan_event",
    "planning_problem",
    "released_ms",
    "replay_finding",
    "response",
    "responses_of",
    "restores_of",
    "stable_hash",
    "verify",
    "verify_chain",
    "with_calls",
    "with_controls",
]
