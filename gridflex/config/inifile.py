"""``config.ini`` as text by section and key. Every file that is none ends in one line that says why."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gridflex.errors import ConfigError

_LARGEST_BYTES = 1_000_000
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = "\ufeff"

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
    text = _text(path)
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(text, source=str(path))
    except configparser.Error as problem:
        raise ConfigError(f"cannot read {_explain(problem, path)}") from None
    return IniFile(path=path, values={name: dict(parser[name]) for name in parser.sections()}, lines=_lines(text))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except OSError as problem:
        raise ConfigError(f"cannot read {path}: {problem.strerror}; expected a file like config.ini.example") from None
    if len(data) > _LARGEST_BYTES:
        raise ConfigError(f"cannot read {path}: larger than {_LARGEST_BYTES:,} bytes; expected a config.ini")
    if data.startswith(_UTF16):
        raise ConfigError(f"cannot read {path}: it is UTF-16; save it as UTF-8")
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise ConfigError(f"cannot read {path}:{line}: a NUL byte; expected plain text in UTF-8")
    try:
        return data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n") + 1
        found = data.splitlines()[line - 1][:60]
        raise ConfigError(f"cannot read {path}:{line}: found {found!r}, which is not UTF-8; save it as UTF-8") from None


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
