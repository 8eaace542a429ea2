"""Interprets the status of a Kafka supervisor of Druid: where it reads, and what keeps it from reading."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

_REMOVED = re.compile(r"sequenceNumber \[(\d+)\] is no longer available for partition \[\D*(\d+)")
"""Druid's words when it was to begin a task at an offset that Kafka has removed."""
SUBMIT = "`gridflex deploy supervisors` submits and resumes them"
FAILED_TASK = (
    'see the newest failed task: `gridflex sql "SELECT task_id, error_msg FROM sys.tasks WHERE status = '
    "'FAILED' ORDER BY created_time DESC LIMIT 5\"`; is a slot free?"
)


def read_positions(status: Mapping[str, Any]) -> dict[int, int]:
    """The offset by partition that the supervisor's tasks want next, or that a task could not begin at.

    Empty when no task runs and Druid does not say why.

    >>> read_positions({"activeTasks": [{"startingOffsets": {"0": 3, "1": 4}, "currentOffsets": {"1": 9}}]})
    {0: 3, 1: 9}
    >>> text = "ISE: Previous sequenceNumber [7] is no longer available for partition [KafkaTopicPartition{partition=5,"
    >>> read_positions({"activeTasks": [], "recentErrors": [{"message": text}]})
    {5: 7}
    """
    found: dict[int, int] = {}
    for task in status.get("activeTasks") or ():
        for offsets in (task.get("startingOffsets"), task.get("currentOffsets")):
            for partition, offset in (offsets or {}).items():
                found[int(partition)] = max(int(offset), found.get(int(partition), 0))
    if found:
        return found
    for error in status.get("recentErrors") or ():
        for offset, partition in _REMOVED.findall(error.get("message") or ""):
            found[int(partition)] = int(offset)
    return found


def last_error(status: Mapping[str, Any]) -> str:
    """The supervisor's last error; empty if there is none."""
    errors = status.get("recentErrors") or [{}]
    return " ".join(str(errors[-1].get("message") or "").split())


def reading_trouble(status: Mapping[str, Any]) -> tuple[str, str] | None:
    """What keeps the supervisor from reading, and what to do; None if it reads.

    >>> reading_trouble({"suspended": True})
    ('it is suspended: nothing is read', '`gridflex deploy supervisors` submits and resumes them')
    >>> reading_trouble({"activeTasks": [{"id": "one"}], "state": "RUNNING", "healthy": True})
    """
    if not status:
        return "there is none", SUBMIT
    if status.get("suspended"):
        return "it is suspended: nothing is read", SUBMIT
    tasks = status.get("activeTasks") or []
    if not tasks or not status.get("healthy", True):
        told = last_error(status) or "no error reported"
        return f"{status.get('detailedState', 'unknown')}, {len(tasks)} task(s): {told}", FAILED_TASK
    return None
