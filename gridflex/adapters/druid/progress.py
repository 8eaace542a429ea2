"""Computes how far Druid has read a topic."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.kafka.reader import Offsets, Topic
from gridflex.errors import ServiceError
from gridflex.polling import poll_until

_WORTH_COUNTING = 100_000
_POLL_S = 0.5


def read_offsets(druid: Druid, supervisor: str) -> Offsets:
    """The offset after the last message that queries can see, by partition; empty while no task reports one."""
    status = druid.supervisor_status(supervisor)
    offsets: Offsets = {}
    for task in [*status.get("publishingTasks", ()), *status.get("activeTasks", ())]:
        for partition, offset in (task.get("currentOffsets") or {}).items():
            offsets[int(partition)] = max(int(offset), offsets.get(int(partition), 0))
    return offsets


def await_offsets(druid: Druid, supervisor: str, partitions: Collection[int], timeout_s: float) -> Offsets:
    """Wait until ``read_offsets`` has all the partitions: between two tasks there are none for a moment.

    Raises ``ServiceError`` when nobody does in time.
    """

    def late(offsets: Offsets) -> ServiceError:
        missing = sorted(set(partitions) - set(offsets))
        return ServiceError(f"no task of supervisor {supervisor} reports its offsets of partitions {missing}")

    return poll_until(
        lambda: read_offsets(druid, supervisor),
        lambda offsets: set(partitions) <= set(offsets),
        timeout_s=timeout_s,
        pause_s=_POLL_S,
        late=late,
    )


def await_read(druid: Druid, supervisor: str, topic: Topic, timeout_s: float) -> Offsets:
    """The offsets once they are beyond all that is in the topic now, so beyond all that a query before could see.

    A supervisor tells what its tasks told it some seconds ago. If Druid does not get so far in time, how far it is.
    """
    end = topic.end_offsets()
    return poll_until(
        lambda: await_offsets(druid, supervisor, end, timeout_s),
        lambda offsets: not unread(topic, offsets, end),
        timeout_s=timeout_s,
        pause_s=_POLL_S,
    )


def unread(topic: Topic, read: Mapping[int, int], end: Mapping[int, int]) -> int:
    """Messages before ``end`` that Druid has not read; of many, how far apart the offsets are.

    Offsets count aborted messages and the end marks of transactions, too, which nobody ever reads: however far apart
    they are, there may be no message between.
    """
    start = {partition: read.get(partition, 0) for partition in end}
    found = topic.count(start, end, _WORTH_COUNTING)
    if found < _WORTH_COUNTING:
        return found
    return sum(max(0, end[partition] - start[partition]) for partition in end)
