"""Defines what every section of ``config.ini`` has in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator

from gridflex.config.values import tidy


def with_https(value: str, info: ValidationInfo, address: str) -> str:
    """Refuse an authority for an address without https."""
    if value and not str(info.data.get(address, "https:")).startswith("https:"):
        raise ValueError(f"{address} {info.data[address] or '(empty)'} checks no certificate; allowed with https://")
    return value


class Section(BaseModel):
    """The base of every section of ``config.ini``."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _tidies(cls, values: Any) -> Any:
        return {key: tidy(value) for key, value in values.items()} if isinstance(values, dict) else values
