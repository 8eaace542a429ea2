"""A day of random events on a real ledger: what must never be dispatched, however people, clocks and houses behave."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from random import Random

import pytest

from gridflex.operations.local.stack import Stack
from tests.support.dispatching import Clock
from tests.support.ledger_watch import Watch
from tests.support.random_day import Day
from tests.support.random_houses import house_faults
from tests.support.sampling import Sampler
from tests.support.stack import running_stack

logger = logging.getLogger(__name__)

pytestmark = [pytest.mark.component, pytest.mark.timeout(6000)]
MIDNIGHT_S = 1_752_451_200.0
"""Monday, 14 July 2025, UTC."""
FEW, MANY = (120, 8), (1500, 24)
"""Steps, and the hours that they take."""
TIME_SHARE = 0.17
"""About so many steps let time pass."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Kafka of this module's own: it is another day there."""
    with running_stack(tmp_path_factory.mktemp("day"), "kafka") as running:
        yield running


def test_random_day__never_dispatches_what_must_not_be(stack: Stack, sampler: Sampler) -> None:
    steps, hours = MANY if sampler.seed is None else FEW
    config = stack.config
    watch = Watch(config.kafka.bootstrap_servers, config.batch.time_zone)
    day = Day(config, Random(sampler.seed or "night"), Clock(MIDNIGHT_S), hours * 60 / (steps * TIME_SHARE))
    try:
        for _ in range(steps):
            day.go()
            watch.look(day.service.shared_ledger.ledger.next_sequence)
            assert not watch.faults, watch.faults[:5]
        for _ in range(12):  # what was approved late comes to its end
            day.clock.now_s += 1800
            day.settle()
    finally:
        logger.info(summary(day, watch))
        day.close()
        watch.close()
    again = Watch(config.kafka.bootstrap_servers, config.batch.time_zone)
    again.finish()
    again.close()
    assert not again.faults, again.faults[:5]
    assert not (faults := list(house_faults(day.houses))), faults[:5]
    assert again.records >= watch.records
    assert again.commands > 0
    assert day.refused
    if (steps, hours) == MANY:  # of few steps chance may leave something out
        assert again.actions["complete"] >= steps // 100
        assert again.commands >= steps // 10
        assert {"accepted", "restored"} <= set(day.houses.answers)
        assert len(day.refused) > 10


def summary(day: Day, watch: Watch) -> str:
    """Figures of a day."""
    states: dict[str, int] = {}
    for event in watch.events.values():
        states[event.state] = states.get(event.state, 0) + 1
    lines = [
        f"{watch.records} records, {len(watch.events)} events: {states}",
        f"actions: {dict(watch.actions)}",
        f"{watch.commands} commands; off-runs of appliances: {len(day.houses.off_ms)}",
        f"answers: {dict(day.houses.answers)}",
        f"done: {dict(day.done)}",
        f"refused: {sum(day.refused.values())}",
        *(f"  {count:5}  {what}: {why}" for (what, why), count in sorted(day.refused.items())),
    ]
    return "\n".join(lines)
