"""Which label belongs to which plug of a GREEND building: labels go by position, plugs by their address (MAC).

A header that lacks a plug would shift all labels behind it, so positions come from what all files tell::

    labels    fridge dryer kettle
    file 1    A      B              <- kettle's plug is missing, or is it the dryer's?
    file 2    A      B'    C        <- a header with as many plugs as labels tells
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

from ingestion.readers.line_blocks import line_blocks

log = logging.getLogger(__name__)

HEADER = b"timestamp"
HEAD_BYTES = 4096
SCAN_BYTES = 1 << 20
_ADDRESS = re.compile(r"[0-9A-F]{16}")

Plugs = tuple[str, ...]


def header_plugs(text: bytes, known: Iterable[str] = ()) -> Plugs | None:
    """The plugs that a header line names, or None if it is no whole header.

    A name is an address of 16 hexadecimal digits, or one of ``known``: a header cut short ends in neither.

    >>> header_plugs(b"timestamp,000D6F0002907BA2,000D6F0002907BC8")
    ('000D6F0002907BA2', '000D6F0002907BC8')
    >>> header_plugs(b"timestamp,000D6F0002907BA2,000D6F00") is None
    True
    """
    first, *names = [name.strip() for name in text.strip(b"\0 \t\r\n").decode("ascii", "replace").split(",")]
    plugs = tuple(name.upper() for name in names)
    whole = all(_ADDRESS.fullmatch(plug) or plug in known for plug in plugs) and len(set(plugs)) == len(plugs)
    return plugs if first == HEADER.decode() and plugs and whole else None


def plug_order(files: Sequence[Path], labels: int) -> Plugs:
    """The building's plugs in the order of its labels, as far as its files tell.

    The first header of each file is read; only if these do not name as many plugs as there are labels, the whole files.
    """
    order = _order(set(_headers(files, whole=False)), labels)
    if len(order) == labels:
        return order
    order = _order(set(_headers(files, whole=True)), labels)
    if len(order) != labels and order:
        log.warning(
            "plugs and labels do not agree, labels are given by position folder=%s plugs=%d labels=%d",
            files[0].parent,
            len(order),
            labels,
        )
    return order


def _headers(files: Sequence[Path], *, whole: bool) -> Iterator[Plugs]:
    for file in files:
        for block in line_blocks(file, name=file.name, block_bytes=SCAN_BYTES if whole else HEAD_BYTES):
            start = block.data.find(HEADER)
            while start >= 0:
                plugs = header_plugs(block.data[start:].partition(b"\n")[0])
                if plugs:
                    yield plugs
                start = block.data.find(HEADER, start + 1)
            if not whole:
                break


def _order(headers: set[Plugs], labels: int) -> Plugs:
    """One order of all plugs that agrees with every header, or that of a header which is complete."""
    complete = sorted(header for header in headers if len(header) == labels)
    if complete:
        return complete[0]
    graph: dict[str, set[str]] = {plug: set() for header in headers for plug in header}
    for header in headers:
        for before, after in pairwise(header):
            graph[after].add(before)
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError:
        return tuple(sorted(graph))
    order: list[str] = []
    ready = sorted(sorter.get_ready())
    while ready:
        plug = ready.pop(0)
        order.append(plug)
        sorter.done(plug)
        ready = sorted([*ready, *sorter.get_ready()])
    return tuple(order)
