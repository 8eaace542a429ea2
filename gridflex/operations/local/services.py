"""What a service of the local stack is. ``process`` starts and stops it, ``health`` asks how it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Protocol

from gridflex.config import ROOT
from gridflex.errors import UsageError
from gridflex.operations.local.jars import LOCAL

_GROUPS = ("druid", "airflow", "openadr")
"""Names that stand for all services whose names begin with them."""


class Probe(Protocol):
    """Asks a running service whether it works."""

    def check(self, pid: int) -> str | None:
        """Nothing if it works, else what it lacks, in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStart:
    """A command that has to run once, before the first start."""

    argv: tuple[str, ...]
    made: Path
    """Exists once it has run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process of the stack, with all that is needed to start it and to know its health."""

    name: str
    argv: tuple[str, ...]
    probe: Probe
    port: int | None = None
    """The port that clients use."""
    other_ports: tuple[int, ...] = ()
    """Further ports that it listens on."""
    depends_on: tuple[str, ...] = ()
    """Services that are started along with it."""
    starts_after: tuple[str, ...] = ()
    """Those of ``depends_on`` that must be healthy before it starts."""
    asks: tuple[str, ...] = ()
    """Further services without which it cannot do its job."""
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """On top of the launcher's own environment."""
    cwd: Path = ROOT
    files: Mapping[Path, str] = field(default_factory=lambda: MappingProxyType({}))
    """Configuration files, written before each start."""
    folders: tuple[Path, ...] = ()
    """Made before each start."""
    scratch: tuple[Path, ...] = ()
    """Made, and emptied of what a killed process left there, before each start."""
    secrets: tuple[Path, ...] = ()
    """Files of a random token, readable by this user alone; made before the first start, then kept."""
    first_start: FirstStart | None = None
    jars: tuple[str, ...] = ()
    """Folders of ``build/stack`` that it runs from."""
    stop_timeout_s: float = 30
    optional: bool = False
    """Started only when it is named."""

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports that it listens on."""
        return (*((self.port,) if self.port else ()), *self.other_ports)


def render(template: str, values: Mapping[str, object]) -> str:
    """Fill in a configuration template of ``infra/local``; every ``${name}`` must have a value."""
    text = (LOCAL / template).read_text(encoding="utf-8")
    return Template(text).substitute({name: str(value) for name, value in values.items()})


def select(services: Sequence[Service], names: Iterable[str]) -> list[Service]:
    """The named services and all that they depend on, in the order of ``services``; all that are not
    optional if none is named.

    ``druid``, ``airflow`` and ``openadr`` stand for all of their services; a Druid service may be named without its
    prefix.
    Raises ``UsageError`` for an unknown name.
    """
    by_name = {service.name: service for service in services}
    wanted: set[str] = set()
    default = [service.name for service in services if not service.optional]
    todo = [found for name in names for found in _named(by_name, name)] or default
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo += by_name[name].depends_on
    return [service for service in services if service.name in wanted]


def find(services: Sequence[Service], name: str) -> Service:
    """The one service of that name. Raises ``UsageError`` for an unknown name."""
    by_name = {service.name: service for service in services}
    found = _named(by_name, name)
    if len(found) != 1:
        raise UsageError(f"{name!r} is several services; choose one of: {', '.join(found)}")
    return by_name[found[0]]


def _named(by_name: Mapping[str, Service], name: str) -> list[str]:
    if name in by_name:
        return [name]
    found = [
        known for known in by_name if known == f"druid-{name}" or (name in _GROUPS and known.startswith(f"{name}-"))
    ]
    if not found:
        raise UsageError(f"no service {name!r}; allowed: {', '.join((*by_name, *_GROUPS))}")
    return found
