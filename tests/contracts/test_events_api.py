"""The API reference is made of the OpenAPI document by `make api-docs`; its examples are what the service takes."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from gridflex.events import enrolment_routes, models
from gridflex.events.app import openapi_document
from gridflex.events.reference import PAGE, reference

DOCUMENT = openapi_document()
SCHEMAS = DOCUMENT["components"]["schemas"]
CALLS = {
    f"{method.upper()} {path}": call for path, methods in DOCUMENT["paths"].items() for method, call in methods.items()
}


def test_page__is_what_the_document_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(DOCUMENT), "run: make api-docs"


def test_every_call__names_its_roles_but_health() -> None:
    assert {name for name, call in CALLS.items() if "x-roles" not in call} == {"GET /health"}
    assert CALLS["POST /events/{event_id}/approve"]["x-roles"] == ["approver"]


def test_every_body__has_an_example_that_is_valid() -> None:
    names = {
        call["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
        for call in CALLS.values()
        if "requestBody" in call
    }
    assert len(names) >= 7
    for name in names:
        model = getattr(models, name, None) or getattr(enrolment_routes, name)
        assert issubclass(model, BaseModel)
        schema = SCHEMAS[name]
        for example in schema.get("examples") or [schema["x-sample"]]:
            model.model_validate(example)


@pytest.mark.parametrize("name", list(CALLS))
def test_page__shows_each_call_with_an_example(name: str) -> None:
    text = PAGE.read_text(encoding="utf-8").split(f"### {name}\n")[1].split("\n### ")[0]
    path = name.split()[1].replace("{event_id}", "EVENT")
    assert f"http://127.0.0.1:8070{path}\n" in text
    assert ("Authorization" in text) == (name != "GET /health")
    assert ("-d " in text) == name.startswith("POST")
