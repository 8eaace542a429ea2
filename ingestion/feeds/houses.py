"""Finds the houses of a data set: numbered folders, in the order of their numbers."""

from __future__ import annotations

import codecs
import logging
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from gridflex.contracts.appliances import UNKNOWN, appliance_class
from gridflex.domain.readings import ReadingBlock
from gridflex.errors import SourceError

log = logging.getLogger(__name__)

BUFFER_BYTES = 64 << 20
"""Bytes of text read ahead over all files together."""
BLOCK_BYTES = (8 << 10, 256 << 10)
"""Least and most bytes read from a file at once."""
_MANY_REJECTED = 1_000_000


def block_bytes(files: int) -> int:
    """How much to read at once from each of so many files that are read side by side.

    >>> block_bytes(24), block_bytes(1000), block_bytes(100_000)
    (262144, 67108, 8192)
    """
    least, most = BLOCK_BYTES
    return min(most, max(least, BUFFER_BYTES // max(1, files)))


def numbered(folder: Path, prefix: str, suffix: str = "") -> dict[int, Path]:
    """The entries ``<prefix><number><suffix>`` of a folder, by number, ascending.

    Raises ``SourceError`` if the folder cannot be read, or two entries have one number (``3`` and ``03``).
    """
    found: dict[int, Path] = {}
    try:
        entries = sorted(folder.iterdir())
    except OSError as problem:
        raise SourceError(f"{folder} cannot be read: {problem.strerror or problem}") from None
    for entry in entries:
        number = entry.name.removeprefix(prefix).removesuffix(suffix)
        if entry.name != f"{prefix}{number}{suffix}" or not (number.isascii() and number.isdecimal()):
            continue
        if (other := found.setdefault(int(number), entry)) != entry:
            raise SourceError(f"{folder}: {other.name} and {entry.name} are both number {int(number)}; keep one")
    return dict(sorted(found.items()))


def read_text(path: Path, layout: str) -> str:
    """The text of a file of labels: UTF-8 or, by their marks, UTF-16; anything else is taken for Latin-1.

    Raises ``SourceError`` if there is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise SourceError(f"no {path}; expected {layout}")
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise SourceError(f"{path} cannot be read: {problem.strerror or problem}") from None
    encoding = "utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as problem:
        log.warning("not %s, read as Latin-1 file=%s byte=%d", encoding, path, problem.start)
        return raw.decode("latin-1")


def nothing_good(root: Path, blocks: Iterable[ReadingBlock], what: str) -> SourceError:
    """The error of a data set without any good reading: how many were rejected, and the first with its reason.

    ``what``: what a line should be.
    """
    first, counts = None, Counter[str]()
    for block in blocks:
        if counts.total() > _MANY_REJECTED:
            break
        for rejection in block.rejections:
            first = first or rejection
            counts[rejection.reason.value] += rejection.count
    if first is None:
        return SourceError(f"found no good reading in {root}: no lines at all; expected lines of {what}")
    more = " and more" if counts.total() > _MANY_REJECTED else ""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items()))
    return SourceError(
        f"found no good reading in {root}; rejected: {reasons}{more}; the first at {first.position}: "
        f"{first.raw[:60].decode('ascii', 'backslashreplace')!r}: {first.detail}; expected lines of {what}"
    )


def chosen(found: dict[int, Path], houses: Collection[str] | None, *, where: Path, layout: str) -> dict[int, Path]:
    """The houses asked for. Raises ``SourceError`` naming what there is, if one is missing or there is none."""
    there = ", ".join(str(number) for number in found) or "none"
    if houses is None:
        if not found:
            raise SourceError(f"found no house in {where}; expected {layout}")
        return found
    missing = sorted(house for house in houses if house not in {str(number) for number in found})
    if missing:
        raise SourceError(f"no house {', '.join(missing)} in {where}; houses there: {there}; expected {layout}")
    return {number: path for number, path in found.items() if str(number) in houses}


def class_of(dataset: str, label: str, where: Path) -> str:
    """The appliance class of a label; an unknown label is logged and read as class ``unknown``."""
    appliance = appliance_class(dataset, label)
    if appliance == UNKNOWN:
        log.warning("unknown label dataset=%s label=%r file=%s class=%s", dataset, label, where, UNKNOWN)
    return appliance
