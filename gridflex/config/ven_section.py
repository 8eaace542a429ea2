"""The section of Gridflex as a VEN below somebody else's VTN."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from gridflex.config.places import OptionalFile
from gridflex.config.section import Section, with_https
from gridflex.config.values import ClientId, WebAddress

_TARGET = re.compile(r"[A-Za-z0-9_-]{1,128}")


class OpenAdrVen(Section):
    """Gridflex as a VEN: `gridflex openadr ven`. It signs in as ``openadr.ven_client_id``."""

    url: WebAddress = ""
    """The VTN of a utility or an aggregator. Empty: the one of ``openadr``."""
    ca_file: OptionalFile = ""
    """The authorities that sign the certificate of ``url``, as PEM. Relative to the checkout. Empty: the system's."""
    token_url: WebAddress = ""
    """Where tokens are had. Empty: at ``url``, below ``/auth/token``."""
    programs: str = ""
    """Programs of the VTN whose events are carried out, with commas; never the one that our own events go to."""
    name: ClientId = "gridflex"
    """The VEN's name in reports."""
    targets: str = ""
    """Names that the VTN gives to places: ``name:Region`` or ``name:Region/Feeder``, with commas."""
    curtailment_program: str = "standard"
    """Whose limits hold for its events."""
    poll_s: Annotated[float, Field(ge=0.2, le=3600, allow_inf_nan=False)] = 10
    """The VTN is asked this often."""

    @field_validator("ca_file")
    @classmethod
    def _checks_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        return with_https(value, info, "url")

    @field_validator("targets")
    @classmethod
    def _are_places(cls, value: str) -> str:
        _places(value)
        return value

    @property
    def program_names(self) -> tuple[str, ...]:
        """``programs``, one by one."""
        return tuple(name.strip() for name in self.programs.split(",") if name.strip())

    @property
    def places(self) -> dict[str, tuple[str, str]]:
        """Region and feeder (empty: all) of each of ``targets``."""
        return _places(self.targets)


def _places(text: str) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for entry in (part.strip() for part in text.split(",") if part.strip()):
        name, _, place = (part.strip() for part in entry.partition(":"))
        region, slash, feeder = (part.strip() for part in place.partition("/"))
        if not _TARGET.fullmatch(name) or not region or (slash and not feeder) or name in found:
            raise ValueError(f"found {entry!r}; allowed: name:Region or name:Region/Feeder, each name once")
        found[name] = (region, feeder)
    return found
