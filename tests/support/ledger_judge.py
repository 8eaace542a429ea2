"""Judges records of the ledger and commands one by one, and says what must never be there.

Nothing of the product is imported: hashes are computed again, and every rule is written down a second time.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.ledger_rules import MINUTE_MS, Rules, Seen, Version

NOTHING = "0" * 64
FROM = {
    "propose": {"draft"}, "approve": {"proposed"}, "reject": {"proposed"}, "schedule": {"approved"},
    "start": {"scheduled"}, "complete": {"active"}, "amend": {"draft", "proposed", "approved", "scheduled"},
    "expire": {"draft", "proposed", "approved"}, "cancel": {"draft", "proposed", "approved", "scheduled", "active"},
}  # fmt: skip
TO = {
    "draft": "draft", "propose": "proposed", "approve": "approved", "reject": "rejected", "schedule": "scheduled",
    "start": "active", "complete": "completed", "amend": "draft", "expire": "expired", "cancel": "cancelled",
}  # fmt: skip
ROLES = {
    "draft": {"planner"}, "propose": {"planner"}, "amend": {"planner"}, "approve": {"approver"},
    "reject": {"approver"}, "cancel": {"planner", "approver", "service"},
}  # fmt: skip
"""All else is done by the service."""


def hash_of(value: Any) -> str:
    """SHA-256 of canonical JSON, in this reader's own words."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Judge:
    """``faults``: everything that must never be there, in words. ``zone``: of programs' hours and days."""

    def __init__(self, zone: str = "UTC") -> None:
        self._rules = Rules(zone)
        self._ids: set[str] = set()
        self._waiting: list[Mapping[str, Any]] = []
        """Commands whose record was not read yet."""
        self._last_hash = NOTHING
        self.records, self.commands = 0, 0
        self.events: dict[str, Seen] = {}
        self.faults: list[str] = []
        self.actions: Counter[str] = Counter()

    def command(self, row: Mapping[str, Any]) -> None:
        """One command; topics are read beside each other, so that its record may come later."""
        self.commands += 1
        self._waiting.append(row)

    def finish(self) -> None:
        """All was read: nothing may be missing, either."""
        self.judge_commands()
        for row in self._waiting:
            self._fault(row["event_id"], f"command {row['command_id']} without a record that schedules it")
        for event_id, event in self.events.items():
            for number, version in enumerate(event.versions, 1):
                self._complete(event_id, number, version)

    def _fault(self, event_id: str, what: str) -> None:
        self.faults.append(f"{event_id}: {what}")

    def record(self, key: str, row: Mapping[str, Any]) -> None:
        """One record: its place in the chain, its columns, and whether it was allowed."""
        record = json.loads(row["record"])
        what, who, now_ms = record["what"], record["who"], record["time_ms"]
        event_id, action = what["event_id"], what["action"]
        event = self.events.setdefault(event_id, Seen())
        rest = {name: value for name, value in record.items() if name != "hash"}
        wrong = [
            name
            for name, holds in {
                "sequence": record["sequence"] == self.records == row["sequence"],
                "chain": record["previous_hash"] == self._last_hash,
                "hash": record["hash"] == hash_of(rest) == row["hash"],
                "columns": (key, row["event_id"], row["action"], row["actor"])
                == (event_id, event_id, action, who["name"]),
                "state": event.state in FROM[action] if action != "draft" else not event.versions,
                "role": bool(set(who["roles"]) & ROLES.get(action, {"service"})),
                "clock": now_ms >= event.changed_ms,
            }.items()
            if not holds
        ]
        self.records += 1
        self.actions[action] += 1
        self._last_hash = record["hash"]
        if action in {"draft", "amend"}:
            event.versions.append(Version(plan=what["content"], hash=hash_of(what["content"])))
        elif what["content"] is not None:
            wrong.append("content")
        wrong += self._decided(event, action, record)
        event.state, event.changed_ms = TO[action], now_ms
        if (row["state"], row["version"]) != (event.state, len(event.versions)):
            wrong.append("columns of the state")
        if wrong:
            self._fault(event_id, f"record {record['sequence']}, {action} by {who['name']}: {', '.join(wrong)}")

    def _decided(self, event: Seen, action: str, record: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with who decided, on what and when."""
        version, who, now_ms = event.newest, record["who"], record["time_ms"]
        plan, before = version.plan, event.versions[-2] if action == "amend" else None
        if who["regions"] is not None and not {plan["region"], (before or version).plan["region"]} <= set(
            who["regions"]
        ):
            yield "outside of the region"
        if action in {"propose", "approve", "reject", "schedule"} and record["what"]["content_hash"] != version.hash:
            yield "another content"
        if action in {"approve", "reject"} and who["name"] == version.proposer:
            yield "approved by its proposer"
        if action in {"draft", "propose", "approve"} and now_ms >= plan["approve_by_ms"]:
            yield "too late"
        if action == "propose":
            version.proposer = who["name"]
        if action == "approve":
            version.approved_ms = now_ms
        if action == "schedule":
            version.is_scheduled = True
            yield from self._rules.dispatched(event, [*self.events.values()], now_ms)
        if action in {"cancel", "amend"} and event.state in {"scheduled", "active"}:
            (before or version).restored_ms = now_ms
        if action in {"start", "complete"} and now_ms < plan["start_ms" if action == "start" else "end_ms"]:
            yield "too early"

    def judge_commands(self) -> None:
        """Commands whose records are known by now."""
        waiting, self._waiting = self._waiting, []
        for row in waiting:
            event = self.events.get(row["event_id"])
            version = event.versions[row["version"] - 1] if event and row["version"] <= len(event.versions) else None
            if (
                version is None
                or not version.is_scheduled
                or (row["action"] == "restore" and version.restored_ms is None)
            ):
                self._waiting.append(row)
                continue
            if row["command_id"] in self._ids:
                self._fault(row["event_id"], f"command {row['command_id']} twice")
            self._ids.add(row["command_id"])
            place = (row["region"], row["feeder"], row["appliance"], row["cohort"])
            called = dict(version.calls())
            if place not in called:
                self._fault(
                    row["event_id"], f"command {row['command_id']} to {place}, which the approved plan does not call"
                )
            elif row["action"] == "off":
                version.off[*place, row["start_ms"], row["end_ms"]] += 1
            else:
                version.restores[place] += 1

    def _complete(self, event_id: str, number: int, version: Version) -> None:
        """Each command that follows from the records is there, once."""
        right = (
            Counter((*place, *run) for place, runs in version.calls() for run in runs)
            if version.is_scheduled
            else Counter()
        )
        if version.off != right:
            self._fault(
                event_id, f"version {number}: found commands {version.off - right}, missing {right - version.off}"
            )
        at_ms = version.restored_ms
        back = Counter(
            place for place, runs in version.calls() if at_ms is not None and runs[-1][1] + MINUTE_MS // 2 > at_ms
        )  # fmt: skip
        if version.restores != back:
            self._fault(
                event_id,
                f"version {number}: found restores {version.restores - back}, missing {back - version.restores}",
            )
