"""The rows of the registry agree with the schemas, the specs, the configuration and the files that read them."""

from dataclasses import fields
from importlib.util import find_spec

import pytest

from gridflex.adapters.druid.specs import SPEC_DIR, read_spec
from gridflex.adapters.kafka.access import USERS
from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.config import ROOT, Kafka
from gridflex.contracts.feeds import (
    Feed,
    feed,
    feeds,
    position_feed,
    reconciled_feed,
    stored_feeds,
    transformed_feed,
)
from gridflex.contracts.schemas import SCHEMA_DIR, accepted_schemas, written_schema
from gridflex.domain.baseline import SliceKey

pytestmark = pytest.mark.parametrize("row", feeds(), ids=lambda row: row.name)


def test_schemas__belong_to_one_feed_each(row: Feed) -> None:
    known = [name for one in feeds() for name in one.schemas]
    assert sorted(known) == sorted(path.stem for path in SCHEMA_DIR.glob("*.avsc"))
    assert written_schema(row) == accepted_schemas(row)[0]


def test_key__is_a_field_of_every_accepted_schema(row: Feed) -> None:
    for schema in accepted_schemas(row):
        assert set(row.key.split("|")) <= {field.name for field in schema.fields}


def test_dimensions_and_units__are_those_of_the_schema(row: Feed) -> None:
    schema = written_schema(row)
    if row.data_source is not None:
        assert ("region" in schema.dimensions) == (not row.why_every_region)
    assert set(schema.dimensions).isdisjoint(schema.units)
    assert all(schema.units.values())


def test_topic_setting__is_a_key_of_the_configuration_with_the_same_default(row: Feed) -> None:
    keys = {key for key in Kafka.model_fields if key.startswith("topic_")}
    assert keys == {one.topic_setting for one in feeds() if one.topic_setting}
    assert topic_of(Kafka(), row) == row.topic


def test_specs__are_those_of_the_feeds_and_of_batch_jobs(row: Feed) -> None:
    files = {path.stem for path in SPEC_DIR.glob("*.json") if not path.stem.startswith("batch_")}
    assert files == {one.table for one in stored_feeds()}
    if row.data_source is not None:
        assert read_spec(row.data_source)["spec"]["dataSchema"]["dataSource"] == row.data_source


def test_transform__is_a_module(row: Feed) -> None:
    assert row.transform is None or find_spec(row.transform) is not None
    assert row.transform is None or transformed_feed(row.transform) == row


def test_slices__are_cut_by_dimensions_of_readings(row: Feed) -> None:
    if row.reconciled:
        assert {field.name for field in fields(SliceKey)} <= set(written_schema(row).dimensions)


def test_users__are_those_that_kafka_has(row: Feed) -> None:
    assert {*row.writers, *row.readers} <= set(USERS)


def test_roles__have_one_feed_each(row: Feed) -> None:
    assert row.holds_positions == (row == position_feed())
    assert row.reconciled == (row == reconciled_feed())
    assert position_feed() == reconciled_feed() == feed("readings")


def test_terraform__reads_the_rows_themselves(row: Feed) -> None:
    text = (ROOT / "infra" / "terraform" / "modules" / "platform" / "site.tf").read_text(encoding="utf-8")
    assert 'jsondecode(file("${local.repository}/gridflex/contracts/feeds.json"))' in text
    alarms = (ROOT / "infra" / "terraform" / "modules" / "observability" / "alarms.tf").read_text(encoding="utf-8")
    assert f'"{row.topic}"' not in alarms
