"""The OpenAPI 3.1 document of the REST API, written from the table of operations."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from bots.web.rest.calls import Operation
from bots.web.rest.shapes import Fault

BASE = "/api/v1"
REF = "#/components/schemas/{model}"
FAULTS = {
    "400": "not understood",
    "401": "no valid token",
    "403": "the role lacks the right",
    "404": "no such thing",
    "409": "it changed meanwhile, or does not allow this now",
    "422": "a value is wrong; `field` names it",
    "429": "too many calls; try again after `Retry-After` seconds",
}


def document(operations: Sequence[Operation], *, version: str) -> dict[str, Any]:
    """The whole document, as plain JSON values."""
    refs, schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(BASE + operation.path, {})[operation.method.lower()] = _operation(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dangol",
            "version": version,
            "description": "Contacts, conversations, service requests, callbacks and articles. Tokens come "
            "from `dangol staff token` and carry the rights of their staff member. Times are ISO 8601 with "
            "an offset; lists go on with `after` = `next` of the page before.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(operations: Sequence[Operation]) -> tuple[dict[Any, Any], dict[str, Any]]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Fault, "serialization")]
    for operation in operations:
        wanted.append((operation.answer, "serialization"))
        if operation.body is not None:
            wanted.append((operation.body, "validation"))
    refs, top = models_json_schema(list(dict.fromkeys(wanted)), ref_template=REF)
    return dict(refs), top.get("$defs", {})


def _operation(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    answers: dict[str, Any] = {
        str(operation.status): {
            "description": operation.summary,
            "content": {"application/json": {"schema": refs[operation.answer, "serialization"]}},
        }
    }
    fault = {"content": {"application/json": {"schema": refs[Fault, "serialization"]}}}
    answers |= {status: {"description": text, **fault} for status, text in FAULTS.items()}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.path.split("/")[1]],
        "parameters": [*_path(operation), *_query(operation)],
        "responses": answers,
    }
    if operation.body is not None:
        schema = refs[operation.body, "validation"]
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return described


def _path(operation: Operation) -> list[dict[str, Any]]:
    kinds: dict[str, dict[str, Any]] = {
        "id": {"type": "integer", "minimum": 1},
        "slug": {"type": "string", "pattern": "^[a-z0-9-]+$", "maxLength": 80},
    }
    names = re.findall(r"{(\w+)}", operation.path)
    return [{"name": name, "in": "path", "required": True, "schema": kinds[name]} for name in names]


def _query(operation: Operation) -> list[dict[str, Any]]:
    properties = operation.query.model_json_schema().get("properties", {})
    return [{"name": name, "in": "query", "schema": schema} for name, schema in properties.items()]
