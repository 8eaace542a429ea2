"""Parses SQL as Druid's parser (Calcite) does: comments do not nest and may begin with ``//``.

Superset checks SQL with sqlglot. Where the two disagree about a comment's end, what Superset takes for a comment is SQL
to Druid, and no check of Superset's sees it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.druid import Druid
from sqlglot.errors import SqlglotError, TokenError
from sqlglot.tokens import Token
from sqlglot.tokens import Tokenizer as _Tokenizer

_LITERAL = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_COMMENT = re.compile(r"--|//|/\*|\*/")
_STRANGE = re.compile(r"[^\w\s()*,.<>=+\-/%|!]", re.ASCII)
"""Our own SQL needs no more outside of literals: no ``;``, ``{``, ``?``, no quote that is open, no ``U&'...'``."""
_ASKING = re.compile(
    r"\b(SELECT|TABLE|VALUES|UNION|INTERSECT|EXCEPT|MINUS|LATERAL|UNNEST|EXTERN|EXPLAIN|WITH)\b", re.IGNORECASE
)
_LONGEST = 100_000


class CalciteDruid(Druid):
    """sqlglot's dialect of Druid with Calcite's comments."""

    class Tokenizer(_Tokenizer):
        """Comments end at the first ``*/``."""

        NESTED_COMMENTS = False
        COMMENTS = ["--", "//", ("/*", "*/")]  # noqa: RUF012

    def tokenize(self, sql: str, **options: Any) -> list[Token]:
        """Overrides sqlglot's method: the tokenizer in Rust panics at some letters, which no ``except Exception``
        catches.
        """
        try:
            return super().tokenize(sql, **options)
        except BaseException as problem:
            if type(problem).__name__ == "PanicException":
                raise TokenError(f"unreadable: {problem}") from None
            raise


def unreadable(sql: str) -> str | None:
    """Why SQL may be read in two ways; nothing if literals and words stand where everybody sees them.

    Looks at the letters alone, so that it does not share the faults of a parser.
    """
    if len(sql) > _LONGEST:
        return f"it has {len(sql)} characters; {_LONGEST} are allowed"
    plain = _LITERAL.sub(" ", sql)
    for pattern, what in ((_COMMENT, "a comment"), (_STRANGE, "the character")):
        if found := pattern.search(plain):
            return f"it has {what} {found[0]!r}"
    return None


def parse_one(sql: str) -> exp.Expression:
    """The one statement of some SQL. Raises ``ValueError`` if there is none, or more."""
    try:
        found = [one for one in sqlglot.parse(sql, dialect=CalciteDruid) if one is not None]
    except (SqlglotError, RecursionError) as problem:
        raise ValueError(f"it cannot be parsed ({type(problem).__name__})") from None
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} statements; expected 1")
    return found[0]


def fragment_problem(sql: str) -> str | None:
    """Why some SQL may not be in a chart's filter, metric, column or sort order; None if it may.

    A fragment is an expression over the data set's own columns: no comment, no sub-select, nothing that closes the
    brackets around it.
    """
    if found := unreadable(sql):
        return found
    if word := _ASKING.search(_LITERAL.sub("", sql)):
        return f"it has a sub-select ({word[0]})"
    try:
        # As it will stand: what closes the bracket early is no single expression.
        wrapped = parse_one(f"SELECT 1 WHERE ({sql})")
        alone = parse_one(f"SELECT ({sql})")
    except ValueError as problem:
        return str(problem)
    for tree in (wrapped, alone):
        inner = list(_below(tree))
        if any(isinstance(one, exp.Query | exp.Table | exp.From | exp.Command | exp.DDL | exp.Values) for one in inner):
            return "it has a sub-select"
    where = wrapped.args.get("where")
    if where is None or not isinstance(where.this, exp.Paren) or len(alone.expressions) != 1:
        return "it is more than one expression"
    return None


def _below(tree: exp.Expression) -> Iterator[exp.Expression]:
    return (one for one in tree.walk() if one is not tree)
