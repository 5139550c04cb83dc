"""Requests are found by what they are about, whoever wrote it and however they stand."""

import pytest

from crm import privacy, request_search, requests
from crm.actor import SYSTEM
from crm.models import Contact, RequestKey


async def opened(now, symptom, product="드럼세탁기"):
    contact = await Contact.create(name="김민지", created_at=now, updated_at=now)
    return await requests.open(SYSTEM, contact.id, product_text=product, symptom=symptom, now=now)


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("typed", ["배수", "드럼세탁기", "드럼 배수", "E21"])
async def test_a_request_is_found_before_and_after_it_is_indexed(any_db, now, typed, indexed):
    wanted = await opened(now, "배수가 안 되고 E21이 떠요")
    await opened(now, "문이 안 닫혀요", product="냉장고")
    if indexed:
        assert await request_search.index_pending(now) == 2
        assert await request_search.index_pending(now) == 0
    assert await request_search.find(typed) == [wanted.id]


async def test_an_amended_request_is_found_by_its_new_words_only(any_db, now):
    request = await opened(now, "소음이 나요")
    await request_search.index_pending(now)
    await requests.amend(SYSTEM, request.id, {"symptom": "물이 새요"}, now=now)
    assert await request_search.find("물이 새요") == [request.id]
    await request_search.index_pending(now)
    assert await request_search.find("소음이") == []
    assert await request_search.find("물이") == [request.id]


async def test_a_part_that_was_split_off_is_found(db, now):
    request = await opened(now, "소음이 나요")
    part = await requests.split(SYSTEM, request.id, "문도 안 닫혀요", now=now)
    await request_search.index_pending(now)
    assert await request_search.find("드럼세탁기") == [part.id, request.id]
    assert await request_search.find("안 닫혀") == [part.id]


async def test_an_erased_persons_request_leaves_no_keys(db, now):
    request = await opened(now, "소음이 나요")
    await request_search.index_pending(now)
    await privacy.erase(SYSTEM, request.contact_id, now=now)
    assert await RequestKey.all().count() == 0
    assert await request_search.find("소음이") == []
