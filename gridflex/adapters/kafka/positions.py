"""Compares a reader's position in a topic with what the topic still holds: a position out of its range is a loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_END_MARK = 1
"""A reader may stand at the end mark of a transaction that it has read; when that expires nothing is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One partition that a reader cannot go on reading where it stands."""

    partition: int
    position: int
    """The offset that the reader wants next."""
    begin: int
    """The oldest offset that the topic holds."""
    end: int
    """One past the newest."""

    @property
    def beyond(self) -> bool:
        """The reader stands past the end: the topic was created again, or shortened."""
        return self.position > self.end

    @property
    def messages(self) -> int:
        """How many the reader misses: removed before it read them, or, if it stands past the end, there and not read.

        >>> Gap(partition=0, position=10, begin=25, end=40).messages
        15
        >>> Gap(partition=0, position=50, begin=0, end=40).messages
        40
        """
        return self.end - self.begin if self.beyond else self.begin - self.position


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a reader of a topic has lost, and does not read until it is set to another position."""

    reader: str
    topic: str
    gaps: tuple[Gap, ...]
    made_anew: bool
    """The topic has another identity than the one that the reader began to read."""
    perhaps: int = 0
    """Messages before the reader's positions in a topic that was created again: it may have missed them."""

    @property
    def unread(self) -> int:
        """Messages that are in the topic and are not read."""
        return sum(gap.messages for gap in self.gaps if gap.beyond)

    @property
    def removed(self) -> int:
        """Messages that were removed before they were read, at most: the end marks of transactions count."""
        return sum(gap.messages for gap in self.gaps if not gap.beyond)

    def text(self) -> str:
        """One line for people.

        >>> gap = Gap(partition=2, position=500, begin=0, end=40)
        >>> Loss(reader="spark", topic="powerraw", gaps=(gap,), made_anew=True).text()
        'topic powerraw was deleted and created again: 40 messages in it are not read (partition 2: to be read from \
500 on, ends at 40), and what the old topic held unread is lost'
        """
        told = []
        if any(gap.beyond for gap in self.gaps) or self.made_anew:
            how = "deleted and created again" if self.made_anew else "deleted and created again, or shortened"
            told.append(f"topic {self.topic} was {how}: {self._not_read()}and what the old topic held unread is lost")
        if self.removed:
            where = _partitions([gap for gap in self.gaps if not gap.beyond])
            told.append(
                f"{self.removed:,} messages of topic {self.topic} were removed (by retention, or by hand) "
                f"before they were read: lost ({where})"
            )
        return "; ".join(told)

    def _not_read(self) -> str:
        beyond = [gap for gap in self.gaps if gap.beyond]
        told = f"{self.unread:,} messages in it are not read ({_partitions(beyond)}), " if beyond else ""
        return told + (f"up to {self.perhaps:,} may have come before its reader, " if self.perhaps else "")


def find_gaps(positions: Mapping[int, int], begin: Mapping[int, int], end: Mapping[int, int]) -> tuple[Gap, ...]:
    """The partitions that cannot be read on from ``positions``. ``begin``, ``end``: what the topic holds now.

    ::

        removed        held                     not there
        ..........[begin ............... end)..............
           ^ gap        ^ none            ^ none    ^ gap

    >>> [gap.partition for gap in find_gaps({0: 5, 1: 30, 2: 9}, {0: 0, 1: 0, 2: 20}, {0: 10, 1: 10, 2: 30})]
    [1, 2]
    >>> find_gaps({0: 9}, {0: 10}, {0: 10})
    ()
    """
    found = (
        Gap(partition=number, position=position, begin=begin[number], end=end[number])
        for number, position in sorted(positions.items())
        if number in begin and number in end
    )
    return tuple(gap for gap in found if gap.beyond or gap.begin - gap.position > _END_MARK)


def find_loss(
    reader: str,
    topic: str,
    positions: Mapping[int, int],
    begin: Mapping[int, int],
    end: Mapping[int, int],
    *,
    made_anew: bool = False,
) -> Loss | None:
    """What the reader has lost; nothing if it can read on from every position in the topic that it began with."""
    gaps = find_gaps(positions, begin, end)
    if not gaps and not made_anew:
        return None
    broken = {gap.partition for gap in gaps}
    perhaps = sum(
        max(0, position - begin[number])
        for number, position in positions.items()
        if made_anew and number in begin and number not in broken
    )
    return Loss(reader=reader, topic=topic, gaps=gaps, made_anew=made_anew, perhaps=perhaps)


def _partitions(gaps: list[Gap]) -> str:
    """The first few, each with its offsets."""
    told = [
        f"partition {gap.partition}: to be read from {gap.position:,} on, "
        + (f"ends at {gap.end:,}" if gap.beyond else f"begins at {gap.begin:,}")
        for gap in gaps[:2]
    ]
    rest = len(gaps) - len(told)
    return "; ".join(told) + (f"; and {rest} more" if rest else "")
