from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gridflex.config import Kafka
from gridflex.domain.curtailment import Actor, Role
from gridflex.events import changes
from gridflex.events.changes import Streams
from gridflex.events.rates import TooManyError
from gridflex.events.shared_ledger import SharedLedger, Snapshot
from tests.support.events import drafts, handed_plan

DALI = Actor(name="dali", roles=frozenset({Role.VIEWER}))
EMNA = Actor(name="emna", roles=frozenset({Role.PLANNER}), regions=frozenset({"Sfax"}))


def shared_ledger() -> SharedLedger:
    found = SharedLedger(Kafka())
    found._know(Snapshot.of(drafts(handed_plan(), handed_plan(region="Tunis"))))
    return found


def test_stream__goes_on_after_a_record_with_what_its_reader_may_see() -> None:
    async def read(actor: Actor, after: int, lines: int) -> list[str]:
        stream = Streams(shared_ledger()).changes(actor, after)
        return [await anext(stream) for _ in range(lines)]

    dali = asyncio.run(read(DALI, -1, 3))
    assert [line.split("\n")[0] for line in dali[1:]] == ["id: 0", "id: 1"]
    assert asyncio.run(read(DALI, 0, 2))[1].startswith("id: 1\n")
    emna = asyncio.run(read(EMNA, -1, 2))
    assert '"region": "Sfax"' in emna[1]


def test_streams__of_one_user_are_limited_and_free_again_when_closed() -> None:
    async def run() -> None:
        streams = Streams(shared_ledger())
        for _ in range(20):
            streams.changes(DALI, None)  # hung up before the first line
        held = [streams.changes(DALI, None) for _ in range(changes._EACH + 1)]
        assert [await first(one) for one in held] == [True] * changes._EACH + [False]
        with pytest.raises(TooManyError, match="allowed: 5 of one user"):
            streams.changes(DALI, None)
        assert await first(streams.changes(EMNA, None))
        await held[0].aclose()  # type: ignore[attr-defined]
        assert await first(streams.changes(DALI, None))

    async def first(stream: AsyncIterator[str]) -> bool:
        kept.append(stream)
        return await anext(stream, "") != ""

    kept: list[AsyncIterator[str]] = []
    asyncio.run(run())


def test_stream__of_who_does_not_read_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not fill the memory; the reader goes on from the last record that it has seen."""
    monkeypatch.setattr(changes, "_WAITING", 1)

    async def run() -> list[str]:
        whole = shared_ledger()
        stream = Streams(whole).changes(DALI, None)
        await anext(stream)
        for seed in range(2, 5):
            whole._know(Snapshot.of(drafts(*(handed_plan(seed=one) for one in range(seed + 1)))))
        return [line async for line in stream]

    assert len(asyncio.run(run())) <= 1
