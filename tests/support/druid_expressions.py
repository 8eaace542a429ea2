"""Evaluates the expressions of Druid's specs as far as filters of readings use them."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Mapping
from typing import Any

Number = int | float
_COMBINE = {ast.Add: operator.add, ast.Mult: operator.mul, ast.Div: operator.truediv}
_COMPARE = {ast.LtE: operator.le, ast.GtE: operator.ge}


def passes(transform_spec: Mapping[str, Any], row: Mapping[str, Number]) -> bool:
    """Whether a row with the transforms' columns added passes the filter, a conjunction of expressions."""
    made = {one["name"]: evaluate(one["expression"], row) for one in transform_spec["transforms"]}
    assert transform_spec["filter"]["type"] == "and"
    return all(evaluate(one["expression"], {**row, **made}) for one in transform_spec["filter"]["fields"])


def evaluate(expression: str, row: Mapping[str, Number]) -> Number:
    """The value of ``+ * / <= >= &&`` over a row's numbers: two longs as longs, all others as Java's doubles."""
    return _value(ast.parse(expression.replace("&&", " and "), mode="eval").body, row)


def _value(node: ast.expr, row: Mapping[str, Number]) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return row[name]
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_value(value, row) for value in values)
        case ast.BinOp(left=left, op=combine, right=right):
            one, other = _same_type(_value(left, row), _value(right, row))
            return _COMBINE[type(combine)](one, other)
        case ast.Compare(left=left, ops=[compare], comparators=[right]):
            one, other = _same_type(_value(left, row), _value(right, row))
            return _COMPARE[type(compare)](_rank(one), _rank(other))
    raise AssertionError(f"found {ast.dump(node)}; this evaluator does not know it")


def _same_type(one: Number, other: Number) -> tuple[Number, Number]:
    return (one, other) if isinstance(one, int) and isinstance(other, int) else (float(one), float(other))


def _rank(number: Number) -> tuple[bool, Number, float]:
    """The order of Java's ``Double.compare``: -0.0 before 0.0, and NaN after everything."""
    if isinstance(number, int):
        return False, number, 0.0
    return math.isnan(number), 0.0 if math.isnan(number) else number, math.copysign(1.0, number)
