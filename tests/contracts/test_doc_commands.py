"""Every command that README and docs show exists, with its options and fixed values, and is run by some test.

The commands that need no server run in ``tests/accuracy/test_doc_examples.py``; ``tests/support/doc_examples.py`` says
which test runs each of the others, or why none can.
"""

from __future__ import annotations

import re

import pytest

from gridflex.config import ROOT, Config
from gridflex.config.variables import OTHERS, SUPERSET_PASSWORD, variable
from tests.support.doc_commands import DocumentError, Shown, check_command, command_path, is_placeholder, shown_commands
from tests.support.doc_examples import NOT_RUN, RUN_BY
from tests.support.doc_pages import pages

COMMANDS = shown_commands()
FOREIGN_KEYS = {"spark.executors": "of Terraform", "druid.version": "of Maven"}


def test_documented_command__exists_with_its_options_and_values() -> None:
    wrong = []
    for shown in COMMANDS:
        try:
            check_command(shown)
        except DocumentError as problem:
            wrong.append(f"{shown.page}: `{shown.text}`: {problem}")
    assert not wrong, "\n".join(wrong)


def test_documented_command__is_found_in_blocks_and_sentences() -> None:
    texts = {shown.text for shown in COMMANDS if shown.page == "README.md"}
    assert {"make demo", "make test", "gridflex down"} <= texts
    assert len(COMMANDS) > 100


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("gridflex statsu", "no command 'statsu'; known: backfill"),
        ("gridflex status --jsn", "No such option"),
        ("gridflex replay redd --path DIR --align yesterday", "'yesterday' is not one of"),
        ("gridflex replay redd --path DIR --speed fast", "found 'fast'"),
        ("gridflex batch history --from 2024-05-01", "needs --to"),
        ("gridflex down now", "takes no 'now'"),
        ("gridflex up kafak", "no service 'kafak'"),
        ("gridflex recover powerrow", "no reader 'powerrow'"),
        ("gridflex sql <query>", "in capitals, not in <brackets>"),
        ("make tset", "no target 'tset'"),
        ("python -m benchmarks --only everything", "'everything' is not one of"),
        ("python -m gridflex.nothing", "no module"),
        ("ingestion/run_UKDALE.sh A B", "no script"),
        ("sudo reboot", "unknown program 'sudo'"),
    ],
)
def test_check__refuses_a_command_that_does_not_exist(text: str, problem: str) -> None:
    with pytest.raises(DocumentError, match=re.escape(problem)):
        check_command(Shown("page", text, True))


def test_documented_command__is_run_by_a_test_or_says_why_not() -> None:
    shown = {
        path
        for command in COMMANDS
        for path in command_path(command)
        if path.split()[0] in {"gridflex", "make", "python"}
    }
    listed = RUN_BY.keys() | NOT_RUN.keys()
    assert sorted(shown - listed) == [], "say in tests/support/doc_examples.py which test runs it"
    assert sorted(listed - shown) == [], "no page shows it any more"
    assert not RUN_BY.keys() & NOT_RUN.keys()
    for path, file in RUN_BY.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        names = [word for word in path.split()[1:] if not is_placeholder(word)][-1:]
        absent = [name for name in names if not re.search(rf"\b{re.escape(name)}\b", text)]
        assert absent == [], f"{file} does not name {path}"


def test_documented_variable__is_read_by_gridflex() -> None:
    keys = {
        variable(section, key)
        for section, model in Config.model_fields.items()
        for key in model.annotation.model_fields
    }
    wrong = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in pages()
        for name in re.findall(r"\bGRIDFLEX_[A-Z0-9_]+\b(?![<*])", page.read_text(encoding="utf-8"))
        if name not in keys | OTHERS and not name.startswith(SUPERSET_PASSWORD)
    ]
    assert not wrong, "\n".join(wrong)


def test_documented_key__is_in_the_configuration() -> None:
    sections = {section: set(model.annotation.model_fields) for section, model in Config.model_fields.items()}
    named = re.compile(rf"`(?:\[({'|'.join(sections)})\] |({'|'.join(sections)})\.)([a-z_]+)`")
    wrong = [
        f"{page.relative_to(ROOT)}: {ini or dotted}.{key}"
        for page in pages()
        for ini, dotted, key in named.findall(page.read_text(encoding="utf-8"))
        if key not in sections[ini or dotted] and f"{dotted}.{key}" not in FOREIGN_KEYS
    ]
    assert not wrong, "\n".join(wrong)


def test_command_in_a_message__exists() -> None:
    """What errors, help texts and docstrings tell people to run."""
    wrong, found = [], 0
    for folder in ("gridflex", "ingestion", "batch", "stream_processing"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for text in re.findall(r"`(gridflex [^`\n]+)`(?!`)", file.read_text(encoding="utf-8")):
                found += 1
                try:
                    check_command(Shown(str(file.relative_to(ROOT)), re.sub(r"\{[^}]*\}", "NAME", text), False))
                except (DocumentError, ValueError) as problem:
                    wrong.append(f"{file.relative_to(ROOT)}: `{text}`: {problem}")
    assert found > 50
    assert not wrong, "\n".join(wrong)
