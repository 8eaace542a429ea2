"""Defines ``gridflex enrol``: writes and reads who takes part, in the topic of enrolments."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gridflex.adapters.kafka.enrolment import EnrolmentState, publish, read_enrolment
from gridflex.config import Kafka, load_config
from gridflex.config.enrolment_table import read_enrolment_table
from gridflex.domain.enrolment import Enrolment, Participation, check_ids, without_shift
from gridflex.domain.readings import SeriesId
from gridflex.errors import DataQualityError, UsageError
from gridflex.instants import instant_ms, iso_instant
from gridflex.printed_table import table

_MOST_NAMES = 10
_Callback = Callable[..., None]


@click.group()
def enrol() -> None:
    """Who takes part: load a table, show it, opt houses out and in again.

    A change counts within seconds: for flexibility, for running events and for houses that respond.
    """


def _whom(command: _Callback) -> _Callback:
    """The arguments of commands about one house."""
    appliance = click.option("--appliance", default="", help="Only this appliance of it, such as redd-5-0-3.")
    return click.argument("house")(appliance(command))


@enrol.command()
@click.argument("file", type=click.Path(path_type=Path))
def load(file: Path) -> None:
    """Write the rows of a CSV table: house_id,appliance_id,reachable,opted_out[,enrolled][,until].

    A row replaces what was known of its house or appliance; of others nothing changes. If one row is bad, none is
    written.
    """
    try:
        rows = read_enrolment_table(file, _now_ms())
    except ValueError as problem:
        raise DataQualityError(str(problem)) from None
    kafka = load_config().kafka
    known = _read(kafka).participation.rows
    changed = [one for one in rows if not _says_the_same(one, known.get(one.key))]
    publish(kafka, changed)
    back = [one.key for one in changed if _is_out(known.get(one.key)) and not one.opted_out]
    click.echo(f"{len(rows):,} rows: {len(changed):,} written, {len(rows) - len(changed):,} were known.")
    if back:
        click.echo(f"No longer opted out: {_names(back)}.")


@enrol.command()
@click.argument("house", default="")
@click.option("--json", "as_json", is_flag=True, help="A JSON array: one object for each row.")
def show(house: str, as_json: bool) -> None:
    """What is known, of all or of one HOUSE: its rows, those of its appliances, and that of all its virtual houses.

    Who has no row is enrolled, reachable and not opted out.
    """
    if house:
        _check(house)
    rows = _rows_of(_read(load_config().kafka).participation, house)
    told = [json_row(one, _now_ms()) for one in rows]
    if as_json:
        click.echo(json.dumps(told))
    elif told:
        click.echo(table([{name: _cell(value) for name, value in row.items()} for row in told]))
    else:
        click.echo(f"Nothing is known of {house}: it takes part." if house else "No rows: everyone takes part.")


@enrol.command("opt-out")
@_whom
@click.option("--until", help="When the opt-out is over, ISO 8601, UTC unless it says otherwise. Default: never.")
def opt_out(house: str, appliance: str, until: str | None) -> None:
    """Call on HOUSE no more, such as redd-5-0, or redd-5 for all of its virtual houses."""
    until_ms = 0 if until is None else _later_ms(until)
    known, _ = _opt(house, appliance, opted_out=True, until_ms=until_ms)
    end = f" until {iso_instant(until_ms)}" if until_ms else ""
    click.echo(f"{appliance or house} is opted out{end}.")
    own = [one.key for one in _rows_within(known, house) if not one.opted_out and one.dispatchable_at(_now_ms())]
    if own and not appliance:
        click.echo(f"Rows of their own still let these be called: {_names(own)}.")


@enrol.command("opt-in")
@_whom
def opt_in(house: str, appliance: str) -> None:
    """Take an opt-out back. What is known besides stays: enrolled, reachable, and rows of the house's appliances."""
    known, now = _opt(house, appliance, opted_out=False, until_ms=0)
    missing = [word for word, there in (("enrolled", now.enrolled), ("reachable", now.reachable)) if not there]
    still = f", but not {' and not '.join(missing)}: it does not take part" if missing else ""
    click.echo(f"{appliance or house} is opted in{still}.")
    own = [one.key for one in _rows_within(known, house) if _is_out(one)]
    if own and not appliance:
        click.echo(f"Rows of their own still opt these out: {_names(own)}.")


def json_row(one: Enrolment, now_ms: int) -> dict[str, Any]:
    """One row for scripts; ``takes_part``: whether it may be called on at ``now_ms``, UTC epoch, by this row."""
    return {
        "house_id": one.house_id,
        "appliance_id": one.appliance_id,
        "takes_part": one.dispatchable_at(now_ms),
        "enrolled": one.enrolled,
        "reachable": one.reachable,
        "opted_out": one.opted_out,
        "until": iso_instant(one.until_ms) if one.until_ms else None,
        "since": iso_instant(one.event_time_ms),
        "source": one.source,
    }


def _opt(house: str, appliance: str, *, opted_out: bool, until_ms: int) -> tuple[Participation, Enrolment]:
    """Write whether a house or an appliance is opted out; what was known of all, and what is known of it now."""
    _check(house, appliance)
    kafka = load_config().kafka
    known = _read(kafka).participation
    before = known.rows.get(appliance or house, Enrolment(house_id=house, appliance_id=appliance))
    changed = replace(
        before,
        house_id=before.house_id or house,
        opted_out=opted_out,
        until_ms=until_ms,
        event_time_ms=_now_ms(),
        source=f"user:{_user()}",
    )
    publish(kafka, [changed])
    return known, changed


def _read(kafka: Kafka) -> EnrolmentState:
    state = read_enrolment(kafka)
    for one in state.unreadable[:_MOST_NAMES]:
        click.echo(f"warning: {one}", err=True)
    if len(state.unreadable) > _MOST_NAMES:
        click.echo(f"warning: {len(state.unreadable):,} messages say nothing in all", err=True)
    return state


def _rows_of(known: Participation, house: str) -> list[Enrolment]:
    """The rows about a house, and of its appliances; without ``house`` all."""
    chosen = known.rows.values() if not house else [*_named(known.rows, house), *_rows_within(known, house)]
    return sorted(chosen, key=lambda one: (_house_of(one), one.appliance_id))


def _named(rows: Mapping[str, Enrolment], house: str) -> list[Enrolment]:
    names = dict.fromkeys((house, without_shift(house)))
    return [rows[name] for name in names if name in rows]


def _rows_within(known: Participation, house: str) -> list[Enrolment]:
    """Rows that count before a house's: of its virtual houses, if it stands for them, and of appliances."""
    return [one for one in known.rows.values() if one.key != house and house in _places(one)]


def _places(one: Enrolment) -> set[str]:
    """The houses in which somebody is."""
    house = _house_of(one)
    return {house, without_shift(house)}


def _house_of(one: Enrolment) -> str:
    series = SeriesId.parse(one.appliance_id) if one.appliance_id else None
    return str(series.house) if series else one.house_id


def _says_the_same(one: Enrolment, known: Enrolment | None) -> bool:
    return known is not None and replace(known, event_time_ms=one.event_time_ms, source=one.source) == one


def _is_out(one: Enrolment | None) -> bool:
    return one is not None and one.opted_out_at(_now_ms())


def _check(house: str, appliance: str = "") -> None:
    if not house:
        raise UsageError("HOUSE: found nothing; allowed: DATASET-HOUSE or DATASET-HOUSE-SHIFT, such as redd-5")
    try:
        check_ids(house, appliance)
    except ValueError as problem:
        raise UsageError(str(problem)) from None


def _later_ms(until: str) -> int:
    found_ms, now_ms = instant_ms("--until", until), _now_ms()
    if found_ms <= now_ms:
        raise UsageError(f"--until: found {until!r}; allowed: an instant after {iso_instant(now_ms // 1000 * 1000)}")
    return found_ms


def _names(names: Iterable[str]) -> str:
    found = sorted(names)
    more = f" and {len(found) - _MOST_NAMES:,} more" if len(found) > _MOST_NAMES else ""
    return ", ".join(found[:_MOST_NAMES]) + more


def _cell(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return "unknown"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
