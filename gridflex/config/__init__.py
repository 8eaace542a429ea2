"""Reads ``config.ini``; no other package does.

Every section is a frozen model (``sections``), every key has an embedded default, and every key can be overridden by
``GRIDFLEX_<SECTION>_<KEY>`` in the environment. Unknown sections, keys and variables are errors; all problems come in
one message (``loading``). Secrets have no key here: they come from the environment alone.
"""

from __future__ import annotations

from gridflex.config.loading import authorities, load_config
from gridflex.config.places import ROOT
from gridflex.config.section import Section
from gridflex.config.sections import (
    Baselines,
    Batch,
    Config,
    Druid,
    DutyCycle,
    Flexibility,
    Forecast,
    Kafka,
    Launcher,
    Readings,
    Replay,
    Responding,
    Spark,
    token_file,
)
from gridflex.config.variables import DRUID_LOGIN, KAFKA_LOGIN, OPENADR_SECRETS
from gridflex.config.ven_section import OpenAdrVen
from gridflex.config.web_sections import Airflow, Events, OpenAdr, Superset

__all__ = [
    "DRUID_LOGIN",
    "KAFKA_LOGIN",
    "OPENADR_SECRETS",
    "ROOT",
    "Airflow",
    "Baselines",
    "Batch",
    "Config",
    "Druid",
    "DutyCycle",
    "Events",
    "Flexibility",
    "Forecast",
    "Kafka",
    "Launcher",
    "OpenAdr",
    "OpenAdrVen",
    "Readings",
    "Replay",
    "Responding",
    "Section",
    "Spark",
    "Superset",
    "authorities",
    "load_config",
    "token_file",
]
