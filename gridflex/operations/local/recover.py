"""``gridflex recover``: lets a reader whose offset is gone continue with the messages that exist.

Nothing is counted twice: only a partition whose position is out of the topic's range gets another one, the oldest
message that is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import click
from confluent_kafka import Consumer, KafkaException, TopicPartition

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.ingestion import read_positions, reading_trouble
from gridflex.adapters.kafka.client import client_settings
from gridflex.adapters.kafka.feed_topics import position_topic
from gridflex.adapters.kafka.positions import Loss
from gridflex.config import Config, load_config
from gridflex.errors import ServiceError, UsageError
from gridflex.operations.local.readers import (
    Place,
    find_places,
    remember_topics,
    spark_reader,
    supervisor_reader,
    topics_read,
)
from gridflex.operations.local.spark_checkpoint import (
    SPARK,
    begin_anew,
    checkpoint_folder,
    last_batch,
    next_positions,
    query_id,
)
from gridflex.operations.local.stack import Stack
from gridflex.operations.local.stack_status import supervisor_states
from gridflex.operations.local.state_folder import alone
from gridflex.polling import poll_until

_TASKS_END_S = 180.0
_READS_AGAIN_S = 180.0
_POLL_S = 0.5
_CALL_S = 10.0


@click.command()
@click.argument("readers", nargs=-1, metavar="[READER]...")
@click.option("--yes", is_flag=True, help="Do not ask.")
def recover(readers: tuple[str, ...], yes: bool) -> None:
    """Let readers whose offset is gone continue with the messages that exist.

    A topic that was deleted and created again, or whose retention passed a reader, leaves it at an offset that is not
    there. Says what is lost; then each such reader gets a new position, and no reading is counted twice. A reader is
    one of Druid's supervisors, by its data source's name, or spark; default: all that have lost theirs.
    """
    config = load_config()
    topics = topics_read(config)
    if unknown := [name for name in readers if name not in topics]:
        raise UsageError(f"no reader {unknown[0]!r}; allowed: {', '.join(topics)}")
    lost = [place for place in _places(config, readers or tuple(topics)) if place.loss is not None]
    for place in lost:
        click.echo(f"{place.reader.name}: {place.loss.text() if place.loss else ''}")
    if not lost:
        click.echo(f"{', '.join(readers) or 'every reader'}: no offset is gone; nothing to do")
        return
    if not yes:
        click.confirm("Give them new positions? What is lost stays lost", abort=True)
    _recover(config, lost)


def _places(config: Config, names: Sequence[str]) -> list[Place]:
    """Where these readers stand. Raises ``ServiceError`` when one cannot be asked."""
    readers = [spark_reader(config)] if SPARK in names else []
    if supervisors := [name for name in names if name != SPARK]:
        try:
            statuses = supervisor_states(config)
        except ServiceError as problem:
            raise ServiceError(f"Druid does not report its offsets; run `gridflex up druid` first: {problem}") from None
        readers += [supervisor_reader(config, name, statuses[name]) for name in supervisors]
    try:
        return list(find_places(config, readers, timeout_s=_CALL_S).values())
    except ServiceError as problem:
        raise ServiceError(f"{problem}; `gridflex up kafka` first") from None


def _recover(config: Config, lost: Sequence[Place]) -> None:
    stack = Stack(config, click.echo)
    stream_was_up = False
    with alone(config.state_dir, "recover"):
        for place in lost:
            if place.reader.name == SPARK:
                stream_was_up = stack.stop(SPARK)
                _recover_stream(config, place)
            else:
                _recover_supervisor(config, place)
            remember_topics(config, anew=(place.reader.name,))
    if stream_was_up:
        stack.up([SPARK])
    click.echo(f"recovered: {', '.join(place.reader.name for place in lost)}")


def _recover_stream(config: Config, place: Place) -> None:
    """A checkpoint's positions cannot be changed: a new one is created, at the positions of the old one."""
    folder, topic = checkpoint_folder(config), place.reader.topic
    batch = last_batch(folder)
    query = query_id(folder)
    told = _committed_batch(config, query) if query else None
    if batch is not None and told is not None and told > batch:
        # Written to Kafka, but not noted in the checkpoint any more: it must not be written again.
        batch = told
    positions = next_positions(folder, topic, batch) | _starts(place.loss)
    begin_anew(folder, topic, positions)
    _tell(SPARK, place.loss)
    click.echo(f"{SPARK}: a new checkpoint starts there; an appliance that is on is reported from its next activation")


def _committed_batch(config: Config, query: str) -> int | None:
    """The micro-batch that Kafka has last, by the job's own note of it (docs/adr/0004)."""
    settings = {**client_settings(config.kafka), "group.id": f"stream-{query}", "log_level": 0}
    consumer = Consumer(settings)
    try:
        (found,) = consumer.committed([TopicPartition(position_topic(config.kafka), 0)], timeout=_CALL_S)
    except KafkaException as problem:
        raise ServiceError(f"Kafka does not return the streaming job's position: {problem.args[0].str()}") from None
    finally:
        consumer.close()
    return int(json.loads(found.metadata)["batch_id"]) if found.offset >= 0 and found.metadata else None


def _recover_supervisor(config: Config, place: Place) -> None:
    """Its tasks publish what they have read; then it gets the new positions, and reads on."""
    druid, name, topic = Druid(config.druid), place.reader.name, place.reader.topic
    if starts := _starts(place.loss):
        druid.suspend_supervisor(name)
        try:
            click.echo(f"{name}: what its tasks have read is published")
            _wait(lambda: _own_tasks(druid, name) == 0, _TASKS_END_S, f"the tasks of {name} do not end")
            druid.set_offsets(name, topic, starts)
        finally:
            druid.resume_supervisor(name)
        _tell(name, place.loss)
        _wait(lambda: _reads(config, druid, place), _READS_AGAIN_S, f"supervisor {name} does not read again")


def _reads(config: Config, druid: Druid, place: Place) -> bool:
    """Whether it reads where it can. A partition that Druid names only now gets its new position too."""
    status = druid.supervisor_status(place.reader.name)
    reader = supervisor_reader(config, place.reader.name, status)
    found = find_places(config, [reader], timeout_s=_CALL_S)[reader.name]
    if not (status.get("activeTasks") or ()) and (starts := _starts(found.loss)):
        druid.set_offsets(reader.name, reader.topic, starts)
        _tell(reader.name, found.loss)
        return False
    return reading_trouble(status) is None and bool(read_positions(status)) and not _starts(found.loss)


def _own_tasks(druid: Druid, name: str) -> int:
    return sum(task.get("dataSource") == name and "kafka" in task.get("type", "") for task in druid.running_tasks())


def _starts(loss: Loss | None) -> dict[int, int]:
    return {gap.partition: gap.begin for gap in loss.gaps} if loss else {}


def _tell(name: str, loss: Loss | None) -> None:
    for gap in loss.gaps if loss else ():
        click.echo(f"{name}: partition {gap.partition} is read from {gap.begin:,} on, was to be from {gap.position:,}")


def _wait(done: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
    late = ServiceError(f"{otherwise} within {timeout_s:.0f} s; see `gridflex status`, then `gridflex recover`")
    poll_until(done, bool, timeout_s=timeout_s, pause_s=_POLL_S, late=lambda _: late)
