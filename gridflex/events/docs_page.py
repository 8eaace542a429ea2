"""The page at ``/docs``: all calls of the service, made of its OpenAPI document.

It loads nothing from elsewhere: a script of somebody else's on a page where people look for how to send their token
could take it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from gridflex.events.schema_words import type_words

router = APIRouter()
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "code{background:#eee;padding:0 .2em}dt{margin-top:.5em}details{margin:.3em 0}"
)
Json = Mapping[str, Any]


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """All calls, for people."""
    return HTMLResponse(_page(request.app.openapi()), headers={"Content-Security-Policy": _POLICY})


def _page(document: Json) -> str:
    calls = [
        "".join(_call(method, path, call))
        for path, methods in document["paths"].items()
        for method, call in methods.items()
    ]
    schemas = ["".join(_schema(name, one)) for name, one in document["components"]["schemas"].items()]
    title, told = escape(document["info"]["title"]), escape(document["info"]["description"])
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
        f"<h1>{title}</h1><p>{told}</p><p>For programs: <a href=/openapi.json>/openapi.json</a>.</p>"
        f"<h2>Calls</h2>{''.join(calls)}<h2>Bodies and answers</h2>{''.join(schemas)}</html>"
    )


def _call(method: str, path: str, call: Json) -> Iterator[str]:
    yield f"<details><summary><code>{escape(method.upper())} {escape(path)}</code> "
    yield f"{escape(call.get('description', call['summary']))}</summary><dl>"
    for one in call.get("parameters", ()):
        yield f"<dt><code>{escape(one['name'])}</code> ({escape(one['in'])})<dd>{escape(type_words(one['schema']))}"
    if "requestBody" in call:
        [content] = call["requestBody"]["content"].values()
        yield f"<dt>body<dd>{escape(type_words(content['schema']))}"
    for status, one in call["responses"].items():
        yield f"<dt><code>{escape(status)}</code><dd>{escape(one['description'])}"
    yield "</dl></details>"


def _schema(name: str, schema: Json) -> Iterator[str]:
    yield f"<details id={escape(name)}><summary><code>{escape(name)}</code> "
    yield f"{escape(schema.get('description', ''))}</summary><dl>"
    needed = schema.get("required", ())
    for field, one in schema.get("properties", {}).items():
        must = "" if field in needed else ", may be left out"
        yield f"<dt><code>{escape(field)}</code><dd>{escape(type_words(one))}{must}. "
        yield escape(one.get("description", ""))
    yield "</dl></details>"
