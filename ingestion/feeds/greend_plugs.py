"""Assigns labels to the plugs of a GREEND building: labels go by position, plugs by their address (MAC).

A header that lacks a plug would shift all labels behind it, so positions come from what all files tell::

    labels    fridge dryer kettle
    file 1    A      B              <- kettle's plug is missing, or is it the dryer's?
    file 2    A      B'    C        <- a header with as many plugs as labels tells
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

from gridflex.errors import SourceError
from ingestion.parsing.line_blocks import line_blocks

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


def building_plugs(files: Sequence[Path], labels: Sequence[str]) -> Plugs:
    """The building's plugs in the order of its labels; plugs may be named by their labels, too.

    Raises ``SourceError`` naming the first line, if no file has a header that names plugs.
    """
    order = plug_order(files, len(labels))
    if order:
        return order
    named = tuple(label.strip().upper() for label in labels)
    if len(set(named)) == len(named) and any(set(plugs) <= set(named) for plugs in _headers(files, named)):
        return named
    for file in files:
        block = next(line_blocks(file, name=file.name, block_bytes=HEAD_BYTES), None)
        if block is not None and (line := block.data.strip(b"\0 \t\r\n").partition(b"\n")[0]):
            raise SourceError(
                f"{file}:1: found {line[:80].decode('ascii', 'backslashreplace')!r}, and no header in any file of "
                f"{file.parent.name}; expected timestamp,<plug>,... with plugs of 16 hexadecimal digits, such as "
                "000D6F0002907BA2, or named by their labels"
            )
    return ()


def plug_order(files: Sequence[Path], labels: int) -> Plugs:
    """The building's plugs in the order of its labels, as far as its files tell.

    The first header of each file is read; only if these do not name as many plugs as there are labels, or name them in
    different orders, the whole files. Of different orders the one that the most bytes of the files stand under holds.
    """
    found = _headers(files)
    complete = [plugs for plugs in found if len(plugs) == labels]
    if len(complete) != 1:
        found = _headers(files, whole=True)
        complete = [plugs for plugs in found if len(plugs) == labels]
    if complete:
        order = max(complete, key=lambda plugs: found[plugs])
        if len({frozenset(plugs) for plugs in complete}) < len(complete):
            log.warning(
                "headers name the plugs in different orders, labels go by that of the most rows folder=%s order=%s",
                files[0].parent,
                ",".join(order),
            )
        return order
    order = _order(set(found))
    if len(order) != labels and order:
        log.warning(
            "plugs and labels do not agree, labels are given by position folder=%s plugs=%d labels=%d",
            files[0].parent,
            len(order),
            labels,
        )
    return order


def _headers(files: Sequence[Path], known: Plugs = (), *, whole: bool = False) -> dict[Plugs, int]:
    """The plugs that headers name, each with the bytes that stand under it, as far as was looked."""
    found: dict[Plugs, int] = {}
    for file in files:
        holds: Plugs | None = None
        for block in line_blocks(file, name=file.name, block_bytes=SCAN_BYTES if whole else HEAD_BYTES):
            at, data = 0, block.data
            while (start := data.find(HEADER, at)) >= 0:
                if plugs := header_plugs(data[start:].partition(b"\n")[0], known):
                    if holds:
                        found[holds] += start - at
                    holds = plugs
                    found.setdefault(plugs, 0)
                at = start + len(HEADER)
            if holds:
                found[holds] += len(data) - at
            if not whole:
                break
    return found


def _order(headers: set[Plugs]) -> Plugs:
    """One order of all plugs that agrees with every header."""
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
