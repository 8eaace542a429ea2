"""Which draft counts as an event's top-up."""

from gridflex.domain.curtailment import Record, Role
from gridflex.events.top_up import PROPOSER, top_up_record

EVENT, REASON = "event-000000000001", "tops up event-000000000001: 3.00 kW short"


def draft(number: int, name: str, roles: list[str], why: str = REASON) -> list[Record]:
    return [
        Record(
            sequence=number, time_ms=0, who={"name": name, "roles": roles, "regions": None},
            what={"action": "draft", "event_id": f"event-{number:012d}", "content_hash": "", "content": {}},
            why=why, previous_hash="", hash="",
        )
    ]  # fmt: skip


def test_top_up__of_the_platform_is_found_again() -> None:
    made = draft(2, PROPOSER.name, sorted(PROPOSER.roles))
    assert top_up_record([draft(1, "amira", [Role.PLANNER]), made], EVENT) == made[0]


def test_top_up__is_not_kept_away_by_a_persons_draft_with_the_same_reason() -> None:
    assert top_up_record([draft(2, "mallory", [Role.PLANNER, Role.APPROVER])], EVENT) is None


def test_top_up__of_another_event_does_not_count() -> None:
    other = draft(2, PROPOSER.name, sorted(PROPOSER.roles), REASON.replace("0001:", "0009:"))
    assert top_up_record([other], EVENT) is None
