"""Validates values of keys that name files and folders on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: where ``schemas/``, ``database/`` and ``infra/`` stand."""

_COMMENTS = (" ;", " #", "\t;", "\t#")
_NOT_IN_STATE = ':;,"`$\\*'
"""Class paths, JDBC addresses and shells take these characters for their own."""


def expanded(text: str) -> str:
    """A path with ``~`` and ``$NAME`` filled in. Raises ``ValueError`` for one that means something else.

    >>> expanded("var")
    'var'
    """
    for mark in _COMMENTS:
        if mark in text:
            raise ValueError("a comment stands on a line of its own, not behind a value")
    if len(text.splitlines()) > 1 or not text.isprintable():
        raise ValueError("a path stands on one line; it ends where an indented line follows")
    found = os.path.expandvars(text)
    if "$" in found:
        raise ValueError("no such variable in the environment; allowed: a path, which may begin with ~ or $HOME")
    try:
        return str(Path(found).expanduser()) if found.startswith("~") else found
    except RuntimeError:
        raise ValueError("no such user's home; allowed: a path, which may begin with ~/") from None


def _path(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value:
        raise ValueError("allowed: a path; relative ones start at the checkout")
    return Path(expanded(value))


def _state_folder(path: Path) -> Path:
    """It stands in many other files and command lines."""
    wrong = sorted(set(str(path)) & set(_NOT_IN_STATE))
    if wrong:
        raise ValueError(f"allowed: a path without {' '.join(_NOT_IN_STATE)}")
    try:
        folder = (ROOT / path).resolve()
    except (OSError, RuntimeError, ValueError) as problem:
        raise ValueError(f"no path: {problem}") from None
    if folder == ROOT or folder in ROOT.parents:
        raise ValueError("that holds the checkout itself; allowed: a folder of its own, such as var")
    return path


def _store(value: str) -> str:
    """``s3://bucket/prefix``, or a folder."""
    scheme, mark, rest = value.partition("://")
    if not mark:
        return expanded(value)
    if scheme != "s3" or not rest.strip("/") or any(letter.isspace() for letter in value):
        raise ValueError("allowed: a folder that Druid's indexers see, or s3://bucket/prefix")
    return value


LocalPath = Annotated[Path, BeforeValidator(_path)]
"""Relative to the checkout."""
StateFolder = Annotated[Path, BeforeValidator(_path), AfterValidator(_state_folder)]
OptionalFile = Annotated[str, AfterValidator(expanded)]
"""Relative to the checkout; empty: none."""
Store = Annotated[str, AfterValidator(_store)]
