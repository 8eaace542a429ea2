"""The commands that README and docs show: where they stand, and whether they exist, by click's own parsers.

Notation (docs/README.md): capitals are a reader's own values, ``[...]`` may be left out, ``a|b`` is a choice, ``...``
means that more may follow.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import click

from batch.__main__ import batch
from gridflex.cli import _STAGES, gridflex
from gridflex.config import ROOT, load_config
from gridflex.contracts.feeds import stored_feeds
from gridflex.errors import GridflexError
from gridflex.operations.local.service_list import all_services
from gridflex.operations.local.services import Service, find, select
from ingestion.__main__ import ingestion
from tests.support.doc_pages import pages

OURS = ("gridflex", "make", "python")
EXTERNAL = frozenset({"aws", "cd", "cp", "curl", "export", "secret()", "spark-submit", "terraform"})
"""Other programs that a block of commands may call."""
_SCRIPT = re.compile(r"(ingestion|infra)/[\w/.-]+\.sh$")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_]*([:-][A-Z][A-Z0-9_]*)*$")
_FOREIGN_PLACEHOLDER = re.compile(r"<[a-zA-Z]")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"(?:\A|\n)\n((?:    [^\n]*\n)+)")
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_STAGE_GROUPS: dict[str, click.Group] = {"ingestion": ingestion, "batch": batch}


@dataclass(frozen=True, slots=True)
class Shown:
    """A command as a page shows it."""

    page: str
    text: str
    block: bool
    """Whether it stands in a block of commands; else within a sentence or a table."""


class DocumentError(Exception):
    """What is wrong with a command that a page shows."""


def shown_commands() -> list[Shown]:
    """Every command of every page, in order."""
    texts = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in pages()}
    return [command for page, text in texts.items() for command in commands_of(text, page)]


def commands_of(text: str, page: str) -> list[Shown]:
    """The commands of a page: all lines of blocks without a language or in ``sh``, and our own ones in sentences.

    >>> [shown.text for shown in commands_of("Ask `gridflex status`:\\n\\n    make demo  # all\\n", "page")]
    ['make demo', 'gridflex status']
    """
    blocks = [body for language, body in _FENCE.findall(text) if language in {"", "sh"}]
    rest = _FENCE.sub("", text)
    blocks += [re.sub(r"^    ", "", body, flags=re.MULTILINE) for body in _INDENTED.findall(rest)]
    rest = _INDENTED.sub("\n", rest)
    spans = (" ".join(span.replace("\\|", "|").split()) for span in _SPAN.findall(rest))
    in_blocks = [Shown(page, line, True) for body in blocks for line in _lines(body)]
    return in_blocks + [Shown(page, span, False) for span in spans if _is_ours(span)]


def check_command(shown: Shown) -> None:
    """Raises ``DocumentError`` if the command, one of its options or one of its fixed values does not exist."""
    if _FOREIGN_PLACEHOLDER.search(shown.text):
        raise DocumentError("write a reader's own value in capitals, not in <brackets> (docs/README.md)")
    for variant in variants(shown.text):
        words = list(itertools.dropwhile(_ASSIGNMENT.match, variant))
        if not words:
            continue
        program, arguments = words[0].removeprefix(".venv/bin/"), words[1:]
        if program == "gridflex":
            _check_click(gridflex, arguments, complete=shown.block)
        elif program == "make":
            _check_targets(arguments)
        elif program in {"python", "python3"}:
            _check_module(arguments)
        elif _SCRIPT.search(program):
            _check_script(program)
        elif program not in EXTERNAL:
            raise DocumentError(f"unknown program {program!r}; known: {', '.join([*OURS, *sorted(EXTERNAL)])}")


def variants(text: str) -> Iterator[list[str]]:
    """The words of a command, without brackets, once for each choice.

    >>> list(variants("gridflex up [SERVICE...]"))
    [['gridflex', 'up', 'SERVICE', '...']]
    >>> list(variants("gridflex dashboards apply|export # of all"))
    [['gridflex', 'dashboards', 'apply'], ['gridflex', 'dashboards', 'export']]
    """
    words = []
    for word in shlex.split(text, comments=True):
        bare = word if " " in word else word.removeprefix("[").removesuffix("]")
        more = bare.endswith("...") and bare != "..." and " " not in bare
        choices = bare.removesuffix("...").split("|") if " " not in bare else [bare]
        words.append(choices if "" not in choices else [bare])
        words.extend([["..."]] if more else [])
    yield from map(list, itertools.product(*words))


def command_path(shown: Shown) -> list[str]:
    """The names that say which command it is, once for each choice: ``gridflex curtail flex``."""
    return [" ".join(_path(words)) for words in variants(shown.text)]


def is_placeholder(word: str) -> bool:
    """Whether a word stands for a reader's own value.

    >>> [is_placeholder(word) for word in ("REGION", "A:B", "redd", "10")]
    [True, True, False, False]
    """
    return bool(_PLACEHOLDER.match(word))


def make_targets() -> set[str]:
    """The targets of the Makefile, aliases too."""
    rules = re.findall(r"^([a-z][\w -]*):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return {name for names in rules for name in names.split()}


def _lines(body: str) -> list[str]:
    """A block's commands: a line that ends with a backslash, or whose next one begins further in, goes on."""
    joined = re.sub(r"\s*\\\n\s*|\n[ \t]+(?=\S)", " ", body)
    return [line.split(" # ")[0].strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def _is_ours(span: str) -> bool:
    first, _, rest = span.partition(" ")
    return (first.removeprefix(".venv/bin/") in {"gridflex", "make"} and bool(rest)) or (
        span.startswith("python -m ") or bool(_SCRIPT.match(first))
    )


def _path(words: Sequence[str]) -> list[str]:
    program = words[0].removeprefix(".venv/bin/")
    if program == "gridflex":
        _, path, _ = resolve(gridflex, list(words[1:]))
        return [program, *path]
    if program == "make":
        return list(words[:2])
    return list(words[:3]) if program == "python" else [program]


def resolve(command: click.Command, words: list[str]) -> tuple[click.Command, list[str], list[str]]:
    """The command that is meant, its names, its arguments; a group, if a placeholder stands for its command."""
    path: list[str] = []
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        if name in _STAGES and command is gridflex:
            module = _STAGES[name][0]
            stage = _STAGE_GROUPS[module]
            command = stage if name == module else _commands(stage)[name]
        elif is_placeholder(name) or name == "...":
            return command, [*path, name], words
        elif name in (known := _commands(command)):
            command = known[name]
        else:
            raise DocumentError(f"no command {name!r}; known: {', '.join(sorted(known))}")
        path.append(name)
    return command, path, words


def _commands(group: click.Group) -> dict[str, click.Command]:
    """The commands of a group by name, those too that are imported late."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command}


def _check_click(root: click.Command, words: list[str], *, complete: bool) -> None:
    command, path, arguments = resolve(root, words)
    if isinstance(command, click.Group) and arguments:
        _check_any(command, arguments, complete=complete)
        return
    if arguments in (["--help"], ["-h"], ["--version"]) or isinstance(command, click.Group):
        return
    leaves_out = "..." in arguments
    arguments = [word for word in arguments if word != "..."]
    context = click.Context(command, info_name=path[-1])
    try:
        given, extra, _ = command.make_parser(context).parse_args(list(arguments))
        if extra:
            raise DocumentError(f"{' '.join(path)} takes no {extra[0]!r}")
        for parameter in command.get_params(context):
            _check_value(parameter, given.get(parameter.name or ""), context)
    except click.UsageError as problem:
        raise DocumentError(f"{' '.join(path)}: {problem.format_message()}") from None
    missing = [one.opts[0] for one in command.params if one.required and not isinstance(given.get(one.name or ""), str)]
    if missing and not leaves_out and (complete or arguments):
        raise DocumentError(f"{' '.join(path)} needs {', '.join(missing)}; write ... for what you leave out")
    _check_names(path, given)


def _check_any(group: click.Group, arguments: list[str], *, complete: bool) -> None:
    """A placeholder for a command's name: at least one command of the group takes these arguments."""
    problems = []
    for name in _commands(group):
        try:
            _check_click(group, [name, *arguments], complete=complete)
        except DocumentError as problem:
            problems.append(str(problem))
        else:
            return
    raise DocumentError("; ".join(problems))


def _check_value(parameter: click.Parameter, value: Any, context: click.Context) -> None:
    """Fixed values are converted as the command does; a path need not be there."""
    words = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    if not words or any(is_placeholder(str(word)) for word in words):
        return
    if not isinstance(parameter.type, click.Path):
        converted = parameter.type_cast_value(context, value)
        if parameter.callback is not None:
            parameter.callback(context, parameter, converted)


def _check_names(path: list[str], given: dict[str, Any]) -> None:
    """Names of services and readers, which the commands look up themselves."""
    services = _services()
    lookups: dict[str, Callable[[str], object]] = {
        "up": lambda name: select(services, [name]),
        "logs": lambda name: find(services, name),
        "recover": _reader,
    }
    if path[0] not in lookups:
        return
    named = next((given[key] for key in ("services", "readers", "service") if key in given), ())
    for name in [named] if isinstance(named, str) else named if isinstance(named, tuple) else ():
        if not is_placeholder(name):
            try:
                lookups[path[0]](name)
            except GridflexError as problem:
                raise DocumentError(str(problem)) from None


@cache
def _services() -> tuple[Service, ...]:
    return all_services(load_config(environ={}))


def _reader(name: str) -> None:
    known = {"spark", *(feed.name for feed in stored_feeds())}
    if name not in known:
        raise DocumentError(f"no reader {name!r}; known: {', '.join(sorted(known))}")


def _check_targets(arguments: Sequence[str]) -> None:
    targets = make_targets()
    for word in arguments:
        if "=" not in word and word not in targets:
            raise DocumentError(f"no target {word!r} in the Makefile; known: {', '.join(sorted(targets))}")


def _check_module(arguments: Sequence[str]) -> None:
    if arguments[:1] != ["-m"] or find_spec(arguments[1]) is None:
        raise DocumentError(f"no module: python {' '.join(arguments[:2])}")
    if arguments[1] == "benchmarks":
        from benchmarks.__main__ import bench

        _check_click(click.Group("benchmarks", {"run": bench}), ["run", *arguments[2:]], complete=True)


def _check_script(program: str) -> None:
    if not (ROOT / program).is_file() or not os.access(ROOT / program, os.X_OK):
        raise DocumentError(f"no script {program} that can be run")
