"""Schemas of the OpenAPI document in a few words, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridflex.events.models import PRINTED

Json = Mapping[str, Any]
_BOUNDS = (("minimum", "maximum", ""), ("minLength", "maxLength", " characters"), ("minItems", "maxItems", ""))


def type_words(schema: Json) -> str:
    """What a value may be.

    >>> type_words({"type": "string", "maxLength": 20})
    'string, at most 20 characters'
    >>> type_words({"anyOf": [{"$ref": "#/components/schemas/PlanGroup"}, {"type": "null"}]})
    'PlanGroup or null'
    >>> type_words({"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "minItems": 1})
    'array (at least 1) of integer, 0 to 9'
    >>> type_words({"type": "number", "exclusiveMinimum": 0})
    'number, more than 0'
    """
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(type_words(one) for one in schema["anyOf"])
    if allowed := schema.get("enum") or [schema[name] for name in ("const",) if name in schema]:
        return ", ".join(f'"{one}"' for one in allowed)
    bounds = [words for names in _BOUNDS if (words := _range(schema, *names))]
    if schema.get("type") == "array":
        return " ".join(["array", *(f"({one})" for one in bounds), "of", type_words(schema.get("items", {}))])
    if pattern := schema.get("pattern"):
        bounds.append("no control characters" if pattern == PRINTED else f"matches {pattern}")
    values = schema.get("additionalProperties")
    of = f" of {type_words(values)}" if isinstance(values, dict) else ""
    return ", ".join([f"{schema.get('type', 'any value')}{of}", *bounds])


def _range(schema: Json, least: str, most: str, unit: str) -> str:
    low, high = (f"{schema[name]:,.0f}{unit}" if name in schema else "" for name in (least, most))
    above = f"more than {schema['exclusiveMinimum']:,.0f}" if f"exclusiveM{least[1:]}" in schema else ""
    if low and high:
        return f"{low.removesuffix(unit)} to {high}"
    words = (above, f"at least {low}" if low else "", f"at most {high}" if high else "")
    return ", ".join(word for word in words if word)
