"""The sections of services that are reached by a web address: Airflow, Superset, the events service, OpenADR's VTN."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from gridflex.config.event_users import parse_event_users
from gridflex.config.places import LocalPath, OptionalFile
from gridflex.config.section import Section, with_https
from gridflex.config.users import parse_users
from gridflex.config.values import ClientId, Day, Port, Seconds, UserName, WebAddress
from gridflex.errors import ConfigError


class WebSection(Section):
    """What every service with a web address has."""

    url: WebAddress = ""
    """Where people, programs and `gridflex deploy check` reach it. Empty: this machine's."""
    ca_file: OptionalFile = ""
    """The authorities that sign the certificate of ``url``, as PEM. Relative to the checkout. Empty: the system's."""

    @field_validator("ca_file")
    @classmethod
    def _checks_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        return with_https(value, info, "url")


class Airflow(WebSection):
    """The local Airflow: `gridflex up airflow`."""

    environment: LocalPath = Path(".venv-airflow")
    """Its Python environment. Relative to the checkout."""
    port: Port = 8080
    user: UserName = "admin"
    start_date: Day = ""
    """Runs that were missed since this day are caught up. Empty: none are."""
    retry_delay_s: Seconds = 300
    """A failed task is tried again after this time."""


class Superset(WebSection):
    """The local Superset: `gridflex up superset`."""

    environment: LocalPath = Path(".venv-superset")
    """Its Python environment. Relative to the checkout."""
    port: Port = 8088
    users: str = "admin:admin, operator:operator, researcher:researcher, operator-sousse:regional:Sousse"
    """Each as ``name:role``, or ``name:regional:Region``; roles: admin, operator, regional, researcher.
    A password comes from ``GRIDFLEX_SUPERSET_PASSWORD_<NAME>`` in the environment, else the first start makes one."""
    workers: Annotated[int, Field(ge=1, le=256)] = 2
    """Processes: charts of one dashboard are computed on so many cores."""
    threads: Annotated[int, Field(ge=1, le=256)] = 4
    """Requests that each process answers at once."""

    @field_validator("users")
    @classmethod
    def _are_users(cls, value: str) -> str:
        try:
            parse_users(value)
        except ConfigError as problem:
            raise ValueError(str(problem).removeprefix("superset.users: ")) from None
        return value


class Events(WebSection):
    """The events service: `gridflex up events`."""

    port: Port = 8070
    users: str = "operator:planner, admin:planner+approver, researcher:viewer, operator-sousse:planner:Sousse"
    """Each as ``name:role``, ``name:role+role`` or ``name:role:Region+Region``; roles: planner, approver, viewer.
    A token comes from ``GRIDFLEX_EVENTS_TOKEN_<NAME>`` in the environment, else the first start makes one."""
    plans_at_once: Annotated[int, Field(ge=1, le=64)] = 1
    """Each takes a core while it is made; who asks for more is told to come back."""
    plan_timeout_s: Seconds = 120
    """Longest time for one plan."""
    requests_per_min: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    """Of one user."""
    wrong_tokens_per_min: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    """From one address."""
    max_body_kb: Annotated[int, Field(ge=16, le=15_000)] = 4000
    """Largest body of a request, and largest plan. A record of the ledger holds 16 MB at most."""

    @field_validator("users")
    @classmethod
    def _are_users(cls, value: str) -> str:
        try:
            parse_event_users(value)
        except ConfigError as problem:
            raise ValueError(str(problem).removeprefix("events.users: ")) from None
        return value


class OpenAdr(WebSection):
    """The OpenADR 3.1 VTN that events go to; `gridflex up openadr` starts one on this machine."""

    port: Port = 8060
    """Of the VTN on this machine, on the loopback interface alone."""
    token_url: WebAddress = ""
    """Where tokens of the VTN at ``url`` are had. Empty: there, below ``/auth/token``."""
    client_id: ClientId = "gridflex-business"
    """Signs in as business logic: makes programs and events. Its secret comes from
    ``GRIDFLEX_OPENADR_CLIENT_SECRET`` in the environment; that of the VTN on this machine else from its first start."""
    ven_client_id: ClientId = "gridflex-ven"
    """Signs in as a VEN: reads events and reports. Its secret: ``GRIDFLEX_OPENADR_VEN_CLIENT_SECRET``, or as above."""
    program: str = "gridflex-curtailment"
    """Of our own events at the VTN. Empty: they do not go there."""
    timeout_s: Seconds = 10
    """Longest wait for an answer."""

    @field_validator("token_url")
    @classmethod
    def _is_of_another_vtn(cls, value: str, info: ValidationInfo) -> str:
        if value and not info.data.get("url", "?"):
            raise ValueError("openadr.url is empty; allowed: with the address of another VTN")
        return value

    @field_validator("ven_client_id")
    @classmethod
    def _is_another(cls, value: str, info: ValidationInfo) -> str:
        if value == info.data.get("client_id"):
            raise ValueError("allowed: another one than client_id")
        return value
