"""The REST API: tokens, what may be read and done, and a document that tells the truth."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import schemathesis
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import missing_required_header, positive_data_acceptance

from bots.web import app_keys, pages, rest
from bots.web.rest.openapi import document
from bots.web.rest.operations import OPERATIONS
from bots.web.security import RateLimit
from crm import requests, tokens, vault
from crm.actor import SYSTEM
from crm.models import AccessToken, Callback, Message, ServiceRequest
from tests.bots.web.desk_people import Company, a_company, a_talk, utc_now


class Program:
    """A program that calls the API with one token."""

    def __init__(self, server: TestServer, token: str) -> None:
        self.server = server
        self.headers = {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        async with (
            ClientSession(headers=self.headers) as session,
            session.request(method, self.server.make_url(path), json=body, params=query) as answer,
        ):
            return answer.status, await answer.json()


@pytest.fixture
async def company(db: str) -> Company:
    return await a_company(utc_now())


@pytest.fixture
async def server(company: Company) -> AsyncIterator[TestServer]:
    vault.use(b"a test's own secret, 32 bytes at least")
    app = web.Application()
    app[app_keys.CONFIG] = app_keys.WebConfig(secret_key=b"a test's own secret, 32 bytes at least")
    pages.setup(app)
    rest.routes(app)
    async with TestServer(app) as started:
        yield started


@pytest.fixture
async def seojun(server: TestServer, company: Company) -> Program:
    token = await tokens.issue(SYSTEM, company.seojun.id or 0, "till", now=utc_now())
    return Program(server, token)


def limit_of(server: TestServer) -> RateLimit:
    app = server.app
    assert app is not None
    return app[rest.LIMIT]


async def test_without_a_valid_token_nothing_is_told(server: TestServer, seojun: Program) -> None:
    for headers in ({}, {"Authorization": "Bearer dgl_wrong"}, {"Authorization": "Basic c2Vvanu6"}):
        async with ClientSession(headers=headers) as session:
            answer = await session.get(server.make_url("/api/v1/contacts"))
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    await AccessToken.all().update(revoked_at=utc_now())
    assert (await seojun.call("GET", "/api/v1/me"))[0] == 401


async def test_a_token_carries_the_rights_of_its_owner(
    server: TestServer, company: Company, seojun: Program
) -> None:
    assert (await seojun.call("GET", "/api/v1/me"))[1]["login"] == "seojun"
    talk = await a_talk(utc_now())
    looks_only = Program(server, await tokens.issue(SYSTEM, company.mari.id or 0, "", now=utc_now()))
    path = f"/api/v1/conversations/{talk.id}/messages"
    assert (await looks_only.call("GET", path))[0] == 200
    status, fault = await looks_only.call("POST", path, {"text": "안녕하세요"})
    assert (status, fault["code"]) == (403, "forbidden")


async def test_a_conversation_is_read_answered_and_closed(seojun: Program) -> None:
    talk = await a_talk(utc_now())
    path = f"/api/v1/conversations/{talk.id}"
    _, listed = await seojun.call("GET", "/api/v1/conversations", view="all")
    assert [each["id"] for each in listed["items"]] == [talk.id]
    assert listed["items"][0]["last_message"]["from"] == "contact"
    status, sent = await seojun.call("POST", f"{path}/messages", {"text": "네, 볼게요"})
    assert (status, sent["direction"], sent["staff_name"]) == (201, "out", "이서준")
    status, note = await seojun.call("POST", f"{path}/notes", {"text": "필터"})
    assert (status, note["direction"]) == (201, "note")
    _, messages = await seojun.call("GET", f"{path}/messages")
    directions = [m["direction"] for m in messages["items"] if m["direction"] != "event"]
    assert directions == ["in", "out", "out", "note"]  # who joined is told before the reply
    assert (await seojun.call("POST", f"{path}/close"))[1]["status"] == "closed"
    assert await Message.filter(conversation_id=talk.id, direction="out", author="staff").count() == 1


async def test_contacts_are_found_masked_and_revealed_on_the_record(seojun: Program) -> None:
    talk = await a_talk(utc_now())
    _, found = await seojun.call("GET", "/api/v1/contacts", query="김민")
    assert found["items"][0]["phone"] == "010-••••-2481"
    path = f"/api/v1/contacts/{talk.contact_id}"
    assert (await seojun.call("POST", f"{path}/reveal", {"field": "phone"}))[1]["value"] == "010-1234-2481"
    assert (await seojun.call("PATCH", path, {"name": "김민지나"}))[1]["name"] == "김민지나"
    status, made = await seojun.call(
        "POST", "/api/v1/contacts", {"name": "새 고객", "phone": "010-1111-2222"}
    )
    assert (status, made["phone"]) == (201, "010-••••-2222")
    status, fault = await seojun.call("POST", "/api/v1/contacts", {"name": "x", "phone": "1"})
    assert (status, fault["field"], fault["reason"]) == (422, "phone", "not_a_phone")


async def test_a_request_is_opened_moved_and_safe_from_lost_updates(seojun: Program) -> None:
    talk = await a_talk(utc_now())
    given = {"contact": talk.contact_id, "symptom": "물이 새요", "product_text": "드럼세탁기"}
    status, made = await seojun.call("POST", "/api/v1/requests", given)
    assert status == 201
    assert made["number"].startswith("SR-")
    path = f"/api/v1/requests/{made['id']}"
    step = {"status": "in_progress", "version": made["version"]}
    assert (await seojun.call("POST", f"{path}/status", step))[1]["status"] == "in_progress"
    status, fault = await seojun.call("POST", f"{path}/status", step)
    assert (status, fault["reason"]) == (409, "changed_meanwhile")
    assert (await seojun.call("POST", f"{path}/comments", {"text": "부품 주문"}))[0] == 201
    assert (await seojun.call("PATCH", path, {"symptom": "배수 필터"}))[1]["symptom"] == "배수 필터"
    _, listed = await seojun.call("GET", "/api/v1/requests", query="배수")
    assert [each["id"] for each in listed["items"]] == [made["id"]]
    assert (await seojun.call("GET", path))[1]["events"][-1]["kind"] == "amended"
    assert await ServiceRequest.all().count() == 1


async def test_callbacks_and_articles_are_read_and_written(seojun: Program) -> None:
    talk = await a_talk(utc_now())
    status, booked = await seojun.call("POST", "/api/v1/callbacks", {"contact": talk.contact_id})
    assert (status, booked["phone"]) == (201, "010-••••-2481")
    tried = await seojun.call("POST", f"/api/v1/callbacks/{booked['id']}/attempts", {"outcome": "reached"})
    assert tried[1]["status"] == "done"
    assert await Callback.filter(status="done").count() == 1
    article = {"title": "E21이 떠요", "body": "필터를 씻어요.", "kind": "error_code", "keywords": ["E21"]}
    assert (await seojun.call("PUT", "/api/v1/articles/e21", article))[1]["version"] == 1
    _, answers = await seojun.call("GET", "/api/v1/articles", query="E21 오류가 나요")
    assert [each["slug"] for each in answers["items"]] == ["e21"]
    assert (await seojun.call("GET", "/api/v1/articles/e21"))[1]["title"] == "E21이 떠요"


async def test_bad_input_is_refused_by_name(seojun: Program) -> None:
    await a_talk(utc_now())
    for path, query, field in (
        ("/api/v1/conversations", {"view": "hers"}, "view"),
        ("/api/v1/conversations", {"limit": "0"}, "limit"),
        ("/api/v1/conversations", {"after": "x"}, "after"),
        ("/api/v1/contacts", {"colour": "red"}, "colour"),
    ):
        status, fault = await seojun.call("GET", path, **query)
        assert (status, fault["field"]) == (422, field)
    for unknown in ("4242", "99999999999999999999"):
        assert (await seojun.call("GET", f"/api/v1/conversations/{unknown}"))[1]["code"] == "not_found"
    status, fault = await seojun.call("POST", "/api/v1/contacts", ["no object"])
    assert status == 422


async def test_too_many_calls_are_told_to_wait(server: TestServer, seojun: Program) -> None:
    limit = limit_of(server)
    limit.burst, limit.rate = 3, 0.0
    statuses = [(await seojun.call("GET", "/api/v1/me"))[0] for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


async def test_the_document_names_every_operation_once(seojun: Program) -> None:
    status, served = await seojun.call("GET", "/api/openapi.json")
    assert status == 200
    assert served["openapi"] == "3.1.0"
    named = [
        operation["operationId"] for methods in served["paths"].values() for operation in methods.values()
    ]
    assert len(named) == len(set(named)) == len(OPERATIONS)
    json.dumps(served)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")
async def test_every_operation_keeps_to_its_document(server: TestServer, seojun: Program) -> None:
    """Schemathesis calls every operation with values of its schema and beside it."""
    talk = await a_talk(utc_now())
    await requests.open(SYSTEM, talk.contact_id, symptom="물이 새요", now=utc_now())
    limit_of(server).burst = 1_000_000
    schema = schemathesis.openapi.from_dict(document(OPERATIONS, version="0"))
    base = str(server.make_url("/"))

    def every() -> None:
        for found in schema.get_all_operations():
            keeps_to_it(found.ok(), base, seojun.headers)

    await asyncio.to_thread(every)


def keeps_to_it(operation: Any, base: str, headers: dict[str, str]) -> None:
    """The status is documented and the body has its shape; rules beyond a schema may refuse (422)."""

    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def called(case: Case) -> None:
        answer = case.call(base_url=base, headers=headers)
        case.validate_response(answer, excluded_checks=[positive_data_acceptance, missing_required_header])

    called()
