"""Draws the slow tests of a run: with ``--sample SEED`` some of each pool, without it all of them.

A pool holds tests of one kind, for example the same kill of each server. ``sampled(draw)`` marks a parametrized test
whose cases are a pool of their own; ``pool=`` names one that several tests share; ``by=`` takes all tests of one value
of a parameter together, so that a fixture of that value is made once. What was drawn and what was left out is printed
at the end. ``make test`` draws by commit: a commit's run can be repeated, and in time every test has its turn;
``make test-nightly`` runs all.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

import pytest

T = TypeVar("T")


@dataclass(slots=True)
class Sampler:
    """One run's draws. ``seed``: nothing draws nothing, everything is run."""

    seed: str | None
    told: dict[str, str] = field(default_factory=dict)
    """By pool, what was drawn and what was not."""

    def draw(self, pool: str, members: Sequence[T], count: int) -> list[T]:
        """So many members of a pool, in their order; all of them in a run that does not sample."""
        if self.seed is None or count >= len(members):
            return list(members)
        chosen = sorted(Random(f"{self.seed} {pool}").sample(range(len(members)), count))
        left = [str(member) for place, member in enumerate(members) if place not in chosen]
        drawn = [members[place] for place in chosen]
        self.told[pool] = f"{', '.join(map(str, drawn))} (not: {', '.join(left)})"
        return drawn

    def select(self, items: Iterable[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
        """The tests that are run and those that are left out."""
        pools: dict[str, dict[Hashable, list[pytest.Item]]] = {}
        kept, counts = [], {}
        for item in items:
            mark = item.get_closest_marker("sampled")
            if mark is None:
                kept.append(item)
                continue
            pool, member = _place(item, mark)
            pools.setdefault(pool, {}).setdefault(member, []).append(item)
            counts[pool] = mark.args[0]
        for pool, members in pools.items():
            for member in self.draw(pool, list(members), counts[pool]):
                kept += members[member]
        chosen = set(kept)
        return [item for item in items if item in chosen], [item for item in items if item not in chosen]


def _place(item: pytest.Item, mark: pytest.Mark) -> tuple[str, Hashable]:
    """The pool of a test, and what it is called there."""
    function = item.nodeid.partition("[")[0]
    name = item.name.partition("[")[0]
    callspec = getattr(item, "callspec", None)
    case = callspec.id if callspec else ""
    by = mark.kwargs.get("by")
    if by:
        return mark.kwargs.get("pool") or f"{item.nodeid.partition('::')[0]} by {by}", str(callspec.params[by])
    if pool := mark.kwargs.get("pool"):
        return pool, f"{name}[{case}]" if case else name
    return function, case


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sample", default=None, metavar="SEED", help="draw from each pool of slow tests, by this seed")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SAMPLER] = Sampler(config.getoption("--sample") or None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:], left_out = config.stash[_SAMPLER].select(list(items))
    if left_out:
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    sampler = config.stash[_SAMPLER]
    if sampler.told:
        terminalreporter.section(f"drawn by --sample {sampler.seed}; without it everything is run")
        for pool, told in sampler.told.items():
            terminalreporter.write_line(f"{pool}: {told}")


@pytest.fixture(scope="session")
def sampler(pytestconfig: pytest.Config) -> Sampler:
    """Draws inside a test: which servers are killed, how much is played."""
    return pytestconfig.stash[_SAMPLER]


_SAMPLER: pytest.StashKey[Sampler] = pytest.StashKey()
