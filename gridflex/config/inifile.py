"""Reads ``config.ini`` as text by section and key; a file that cannot be read gives one line that says why."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gridflex.config.textfile import plain_text
from gridflex.errors import ConfigError

_LARGEST_BYTES = 1_000_000

Values = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class IniFile:
    """What a file says, and on which line."""

    path: Path
    values: Values
    lines: Mapping[tuple[str, str], int]
    """The line of each section and key; of the section itself with an empty key."""


def read_ini(path: Path) -> IniFile:
    """Read a file. Raises ``ConfigError`` in one line if it is no readable ``config.ini``."""
    try:
        text = plain_text(path, _LARGEST_BYTES)
    except ValueError as problem:
        raise ConfigError(f"cannot read {problem}") from None
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(text, source=str(path))
    except configparser.Error as problem:
        raise ConfigError(f"cannot read {_explain(problem, path)}") from None
    return IniFile(path=path, values={name: dict(parser[name]) for name in parser.sections()}, lines=_lines(text))


def _explain(problem: configparser.Error, path: Path) -> str:
    if isinstance(problem, configparser.DuplicateSectionError):
        return f"{path}:{problem.lineno}: section [{problem.section}] stands twice; allowed: once"
    if isinstance(problem, configparser.DuplicateOptionError):
        return f"{path}:{problem.lineno}: {problem.section}.{problem.option} stands twice; allowed: once"
    if isinstance(problem, configparser.MissingSectionHeaderError):
        line = str(problem.line).strip()[:60]
        return f"{path}:{problem.lineno}: found {line!r} before any section; expected a line such as [kafka] first"
    if isinstance(problem, configparser.ParsingError):
        number, line = problem.errors[0]
        return f"{path}:{number}: found {str(line).strip()[:60]}; expected key = value, or [section]"
    return f"{path}: {' '.join(str(problem).split())}"


def _lines(text: str) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("[") and "]" in line:
            section = line[1 : line.rindex("]")]
            found.setdefault((section, ""), number)
        elif line and not line[0].isspace() and line[0] not in "#;":
            key = line.replace(":", "=", 1).partition("=")[0].strip().lower()
            found.setdefault((section, key), number)
    return found
