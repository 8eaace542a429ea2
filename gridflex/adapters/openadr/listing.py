"""What a VTN lists: objects that can be read, and beside them those that cannot, each with its id and the reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from gridflex.adapters.openadr.errors import OpenAdrError
from gridflex.adapters.openadr.models import Kept

T = TypeVar("T", bound=Kept)
_NAMES = ("eventName", "reportName", "programName", "venName", "resourceName")
_LONGEST = 300
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An object of a VTN that cannot be read."""

    id: str
    """Empty: it has none, or what stands there is none."""
    name: str
    """Empty: it has none."""
    reason: str
    """In one line."""
    document: Any
    """As it came, of JSON's types."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Objects of one kind, the newest first."""

    found: list[T]
    unreadable: list[Unreadable]

    def all(self) -> list[T]:
        """Every object. Raises ``OpenAdrError`` if one of them cannot be read."""
        check_readable(self.unreadable)
        return self.found

    def unreadable_named(self, name: str | None) -> list[Unreadable]:
        """Those of a name that cannot be read."""
        return [one for one in self.unreadable if name and one.name == name]


def check_readable(unreadable: Iterable[Unreadable]) -> None:
    """Raises ``OpenAdrError`` that tells the first of them."""
    for one in unreadable:
        raise OpenAdrError(f"{one.reason} (id {one.id or 'unknown'})", 409)


def parsed(kind: type[T], answer: object, path: str) -> T:
    """One object of an answer. Raises ``OpenAdrError``."""
    try:
        found = kind.model_validate(answer)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        told = f"{path}: the VTN gave {where or 'an answer'} that cannot be read: {first['msg']}"
        raise OpenAdrError(printed(told)) from None
    if found.id is None:
        raise OpenAdrError(f"{path}: the VTN gave an object without an id")
    return found


def unreadable(document: object, problem: OpenAdrError) -> Unreadable:
    """An object that ``parsed`` refused."""
    told: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
    texts = {name: told[name] for name in ("id", *_NAMES) if isinstance(told.get(name), str)}
    name = next((texts[name] for name in _NAMES if name in texts), "")
    own_id = texts.get("id", "")
    return Unreadable(
        id=own_id if _ID.fullmatch(own_id) else "", name=name, reason=printed(str(problem)), document=document
    )


def printed(text: str) -> str:
    """One line, without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))[:_LONGEST]


def key_of(one: Unreadable) -> str:
    """What tells it from others on the next page."""
    return one.id or json.dumps(one.document, sort_keys=True)
