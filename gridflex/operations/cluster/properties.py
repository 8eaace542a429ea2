"""A cluster's settings: those of one machine, with what differs laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from gridflex.config import ROOT
from gridflex.errors import ConfigError
from gridflex.operations.local.jars import LOCAL

CLUSTER = ROOT / "infra" / "cluster"


def overlaid(base: str, overlay: str, values: Mapping[str, object]) -> str:
    """``infra/cluster/<overlay>`` over ``infra/local/<base>``, with every ``${name}`` of what remains filled in.

    A key without a value in the overlay is left out. Raises ``ConfigError`` if a name has no value, or if a key is left
    out that was not there.
    """
    settings = _settings((LOCAL / base).read_text(encoding="utf-8"))
    for key, value in _settings((CLUSTER / overlay).read_text(encoding="utf-8")).items():
        if value:
            settings[key] = value
        elif settings.pop(key, None) is None:
            raise ConfigError(f"infra/cluster/{overlay}: {key} is left out, but infra/local/{base} has no such key")
    text = "".join(f"{key}={value}\n" for key, value in settings.items())
    try:
        filled = Template(text).substitute({name: str(value) for name, value in values.items()})
    except KeyError as name:
        raise ConfigError(f"infra/cluster/{overlay}: no value for {name}; known: {', '.join(sorted(values))}") from None
    return f"# infra/local/{base}, overlaid by infra/cluster/{overlay}\n{filled}"


def _settings(text: str) -> dict[str, str]:
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}
