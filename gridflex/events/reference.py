"""The API reference of the docs, made of the OpenAPI document: ``make api-docs`` writes ``docs/events-api.md``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gridflex.config import ROOT
from gridflex.events.app import openapi_document
from gridflex.events.schema_words import type_words

Json = Mapping[str, Any]
PAGE = ROOT / "docs" / "events-api.md"
_ADDRESS = "http://127.0.0.1:8070"
_LONGEST_INLINE = 100
_PATTERN = re.compile(r"matches (\^\S+\$)")
_INTRODUCTION = """# API of the events service

This page is for integrators who write programs for the [events service](events.md). It lists every call with the roles
that may use it, its parameters, its body, its answers and an example. `make api-docs` makes it from the OpenAPI
document that the service itself serves at `/openapi.json`; do not edit it.

- Every call but `GET /health` needs `Authorization: Bearer TOKEN`. The examples take the token from
  `GRIDFLEX_EVENTS_TOKEN`, and the address is that of the service on this machine.
- Bodies and answers are JSON. A body with a field that is not listed is refused, except in plans.
- Fields that end in `_ms` are instants: milliseconds since 1970-01-01, UTC. `_kw` is kilowatts, `_h` hours, `_min`
  minutes.
- A user who is limited to regions sees and changes what is in these regions only."""


def reference(document: Json) -> str:
    """The page as Markdown."""
    schemas = document["components"]["schemas"]
    calls = [(method, path, call) for path, methods in document["paths"].items() for method, call in methods.items()]
    parts = [_INTRODUCTION, "## Calls", _overview(calls)]
    parts += ["\n\n".join(_call(method, path, call, schemas)) for method, path, call in calls]
    parts += ["## Errors", _errors(calls), "## Bodies and answers"]
    parts += ["\n\n".join(_schema(name, one)) for name, one in sorted(schemas.items())]
    return "\n\n".join(parts) + "\n"


def _overview(calls: list[tuple[str, str, Json]]) -> str:
    rows = [
        (f"[`{method.upper()} {path}`](#{_anchor(f'{method} {path}')})", _first(call["description"]))
        for method, path, call in calls
    ]
    return _table(("call", "what it does"), rows)


def _call(method: str, path: str, call: Json, schemas: Json) -> Iterator[str]:
    yield f"### {method.upper()} {path}"
    yield _plain(call["description"])
    roles = call.get("x-roles")
    yield f"Roles: {', '.join(f'`{role}`' for role in roles)}." if roles else "Asks no token."
    if parameters := call.get("parameters"):
        rows = [(f"`{one['name']}`", one["in"], _value(one["schema"], one), _default(one)) for one in parameters]
        yield _table(("parameter", "in", "value", "if left out"), rows)
    body, example = _body(call, schemas)
    if body:
        yield f"Body: {_linked(body)}."
    answers = [f"`{status}` {_answer(one)}" for status, one in call["responses"].items() if status < "300"]
    errors = [f"`{status}`" for status in call["responses"] if status >= "400"]
    yield f"Answer: {'; '.join(answers)}. [Errors](#errors): {', '.join(errors)}."
    yield from _example(method, path, call, example)


def _body(call: Json, schemas: Json) -> tuple[str, Any]:
    """The name of the body's schema and its example; nothing without a body."""
    if "requestBody" not in call:
        return "", None
    name = type_words(call["requestBody"]["content"]["application/json"]["schema"])
    return name, schemas[name].get("x-sample") or schemas[name]["examples"][0]


def _answer(response: Json) -> str:
    [(kind, content)] = response["content"].items()
    return _linked(type_words(content["schema"])) if content.get("schema") else f"a stream, `{kind}`"


def _example(method: str, path: str, call: Json, body: Any) -> Iterator[str]:
    """A request for curl; a long body stands in a file."""
    words = ["curl -sN" if "text/event-stream" in str(call["responses"].get("200")) else "curl -s"]
    if "x-roles" in call:
        words.append('-H "Authorization: Bearer $GRIDFLEX_EVENTS_TOKEN"')
    if body is not None:
        text = json.dumps(body)
        inline = len(text) <= _LONGEST_INLINE
        if not inline:
            yield f"`body.json`, for example:\n\n```json\n{json.dumps(body, indent=2)}\n```"
        words += ["-H 'Content-Type: application/json' \\\n    ", f"-d '{text}'" if inline else "-d @body.json"]
    words.append(_ADDRESS + path.replace("{event_id}", "EVENT"))
    yield f"```\n{' '.join(words)}\n```"


def _errors(calls: list[tuple[str, str, Json]]) -> str:
    found = {
        status: one["description"]
        for _, path, call in calls
        for status, one in call["responses"].items()
        if status >= "400" and path != "/health"
    }
    rows = [(f"`{status}`", words) for status, words in sorted(found.items())]
    return (
        f"Every error is a {_linked('Problem')}: one line that says what was found and what is allowed.\n\n"
        + _table(("status", "meaning"), rows)
    )


def _schema(name: str, schema: Json) -> Iterator[str]:
    yield f"### {name}"
    if text := schema.get("description"):
        yield _plain(text)
    if "properties" not in schema:
        yield f"{type_words(schema)}."
        return
    needed = schema.get("required", ())
    rows = [
        (f"`{field}`", _value(one, one), "" if field in needed else "yes")
        for field, one in schema["properties"].items()
    ]
    some = any(optional for *_, optional in rows)
    columns = 3 if some else 2
    yield _table(("field", "value", "may be left out")[:columns], [row[:columns] for row in rows])
    if schema.get("additionalProperties") is True:
        yield "Further fields are kept as they are."


def _value(schema: Json, described: Json) -> str:
    words = _PATTERN.sub(r"matches `\1`", _linked(type_words(schema)))
    return f"{words}. {_plain(described['description'])}" if described.get("description") else words


def _default(parameter: Json) -> str:
    if parameter.get("required"):
        return "an error"
    default = parameter["schema"].get("default")
    return f"`{json.dumps(default)}`" if default not in {None, ""} else "none"


def _linked(words: str) -> str:
    """Names of schemas as links: they alone begin with a capital letter."""
    return " ".join(
        f"[{word}](#{word.lower()})" if word[:1].isupper() and word.isalpha() else word for word in words.split(" ")
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _first(text: str) -> str:
    return _plain(text).split(". ")[0].rstrip(".")


def _plain(text: str) -> str:
    """A docstring as one paragraph of Markdown."""
    return " ".join(text.replace("``", "`").split())


def _anchor(heading: str) -> str:
    """As GitHub makes it: letters, digits, hyphens and underscores."""
    kept = "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


if __name__ == "__main__":
    PAGE.write_text(reference(openapi_document()), encoding="utf-8")
