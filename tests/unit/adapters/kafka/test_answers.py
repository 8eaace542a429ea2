from __future__ import annotations

import gc
import weakref
from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaError, KafkaException

from gridflex.adapters.kafka.answers import answer, once_led


class Client:
    """Stands in the frame that asks."""


def ask(future: Future[int], seen: list[weakref.ref[Client]]) -> int:
    client = Client()
    seen.append(weakref.ref(client))
    return int(answer(future))


def test_answer__leaves_the_client_of_a_refused_call_to_no_garbage_collector() -> None:
    future: Future[int] = Future()
    future.set_exception(KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE)))
    seen: list[weakref.ref[Client]] = []
    gc.disable()
    try:
        with pytest.raises(KafkaException) as problem:
            ask(future, seen)
        assert problem.value.args[0].code() == KafkaError.LEADER_NOT_AVAILABLE
        del problem
        assert seen[0]() is None
    finally:
        gc.enable()


def test_answer__is_what_the_call_gave() -> None:
    future: Future[int] = Future()
    future.set_result(7)
    assert ask(future, []) == 7
    with pytest.raises(TimeoutError):
        answer(Future(), 0.01)


@pytest.mark.parametrize(
    "code", [KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.OFFSET_NOT_AVAILABLE]
)
def test_once_led__asks_again_until_the_new_leader_is_known(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridflex.adapters.kafka.answers._AGAIN_S", 0)
    refusals = [KafkaException(KafkaError(code))] * 2

    def offsets() -> int:
        if refusals:
            raise refusals.pop()
        return 7

    assert once_led(offsets, 60) == 7
    refusals.append(KafkaException(KafkaError(code)))
    with pytest.raises(KafkaException):
        once_led(offsets, -1)


def test_once_led__takes_no_other_refusal_for_passing() -> None:
    def offsets() -> int:
        raise KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))

    with pytest.raises(KafkaException):
        once_led(offsets, 60)
