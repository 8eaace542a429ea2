"""The user's table of who takes part: a CSV file with ``house_id,appliance_id,reachable,opted_out``.

A row with an ``appliance_id`` is about that appliance, one without it about all of its house; a ``house_id`` without
day shift (``redd-5``) stands for all virtual houses of that house: ``redd-5-0``, ``redd-5-1``. Ids are matched by their
parts, never by how they begin: a row ``lcl`` is not about ``lcl-MAC000002``. ``reachable`` and ``opted_out`` are 0 or
1; left empty they are 1 and 0, as for everyone who has no row.
"""

from __future__ import annotations

from types import MappingProxyType

from gridflex.config import ROOT
from gridflex.config.textfile import csv_rows
from gridflex.domain.enrolment import Consent, Participation
from gridflex.errors import ConfigError

COLUMNS = ("house_id", "appliance_id", "reachable", "opted_out")
_FLAGS = {"0": False, "1": True}


def load_participation(path: str) -> Participation:
    """Read the table; an empty ``path`` means that everyone takes part. Relative to the checkout.

    Raises ``ConfigError`` naming the file, the line, and what is allowed.
    """
    if not path:
        return Participation()
    file = ROOT / path
    if not file.is_file():
        raise ConfigError(f"flexibility.participation: file not found: {file}")
    consents: dict[str, Consent] = {}
    try:
        for line, row in csv_rows(file, COLUMNS):
            where = f"{file}:{line}"
            name, consent = _consent(row, where)
            if name in consents:
                raise ConfigError(f"{where}: {name} has two rows")
            consents[name] = consent
    except ValueError as problem:
        raise ConfigError(f"flexibility.participation: {problem}") from None
    return Participation(MappingProxyType(consents))


def _consent(row: dict[str, str], where: str) -> tuple[str, Consent]:
    name = row["appliance_id"] or row["house_id"]
    reachable, opted_out = row["reachable"] or "1", row["opted_out"] or "0"
    if not name or reachable not in _FLAGS or opted_out not in _FLAGS:
        raise ConfigError(
            f"{where}: found {','.join(str(value) for value in row.values())}; each row needs a house_id or an "
            "appliance_id, and 0, 1 or nothing for reachable and opted_out"
        )
    return name, Consent(reachable=_FLAGS[reachable], opted_out=_FLAGS[opted_out])
