"""Search by name, phone and message text, as people type it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import contacts, conversations, identities, search
from crm.actor import SYSTEM


async def person(name, now, phone="", email=""):
    return (await contacts.create(SYSTEM, name=name, phone=phone, email=email, now=now)).id


@pytest.mark.parametrize(
    "typed", ["김", "김ㅁ", "김미", "김민", "김민ㅈ", "김민준", "민준", "준", "ㄱㅁㅈ", "ㅁㅈ", " 김 민준 "]
)
async def test_a_name_is_found_while_it_is_typed(db, now, typed):
    minjun = await person("김민준", now)
    await person("이서연", now)
    assert await search.find_contacts(typed) == [minjun]


async def test_a_name_that_matches_many_times_hides_nobody_behind_it(db, now):
    wanted = [await person("가" * 6, now), await person("가나", now), await person("가다", now)]
    assert await search.find_contacts("가", limit=4) == wanted


async def test_initials_typed_in_a_row_are_told_from_a_cluster(db, now):
    found = await person("박소연", now)
    await person("박민수", now)
    await person("박시우", now)
    assert found in await search.find_contacts("ㅂㅅ")
    assert found in await search.find_contacts("ㅄ")


@pytest.mark.parametrize(
    "typed", ["2481", "010-5512-2481", "01055122481", "5512", "+82 10-5512-2481", "1055"]
)
async def test_a_phone_number_is_found_by_any_run_of_its_digits(db, now, typed):
    await person("김민준", now, phone="010-9999-0000")
    wanted = await person("이서연", now, phone="010-5512-2481")
    assert await search.find_contacts(typed) == [wanted]


@pytest.mark.parametrize("typed", ["smith", "JOHN", "john smith", "Smi", "john@exam"])
async def test_a_latin_name_or_address_is_found_in_any_case(db, now, typed):
    wanted = await person("John Smith", now, email="John@Example.com")
    assert await search.find_contacts(typed) == [wanted]


@pytest.mark.parametrize("typed", ["", "  ", "12", "없는이름", "%", "_", "\x00"])
async def test_what_matches_nobody_finds_nobody(db, now, typed):
    await person("김민준", now, phone="010-5512-2480")
    assert await search.find_contacts(typed) == []


async def test_a_new_name_replaces_the_old_one(db, now):
    wanted = await person("김민준", now)
    await contacts.update(SYSTEM, wanted, {"name": "박지호"}, now=now)
    assert await search.find_contacts("김민준") == []
    assert await search.find_contacts("ㅂㅈㅎ") == [wanted]


@given(name=st.text("가각김민준이서연박 abZ", min_size=1, max_size=12), cut=st.data())
def test_every_part_of_a_name_is_a_prefix_of_one_of_its_keys(name, cut):
    folded = search.fold(name)
    if not folded:
        return
    start = cut.draw(st.integers(0, len(folded) - 1))
    end = cut.draw(st.integers(start + 1, len(folded)))
    (wanted,) = (p for p in search.contact_ranges("x" + folded[start:end])[:1])
    part = search.NAME + wanted[2:]
    assert any(key.startswith(part) for key in search.contact_keys(name, ""))


async def said(text, now, who="s1"):
    identity = await identities.find_or_create("web", "", who, now=now)
    conversation = await conversations.reach(identity, now=now)
    return (
        await conversations.append(conversation.id, direction="in", author="contact", text=text, now=now)
    ).id


QUERIES = ["세탁기", "세탁", "세탁기에서 물", "물이 새", "e18", "E1", "에러 e18", "세"]


@pytest.mark.parametrize("typed", QUERIES)
@pytest.mark.parametrize("indexed", [False, True])
async def test_a_message_is_found_before_and_after_it_is_indexed(any_db, now, typed, indexed):
    wanted = await said("세탁기에서 물이 새요. 에러 E18", now)
    await said("냉장고가 안 차가워요", now)
    if indexed:
        assert await search.index_pending(now) == 2
        assert await search.index_pending(now) == 0
    assert await search.find_messages(typed) == [wanted]


async def test_messages_come_newest_first_and_limited(db, now):
    ids = [await said(f"배송 언제 와요 {n}", now) for n in range(5)]
    await search.index_pending(now)
    assert await search.find_messages("배송", limit=3) == ids[:1:-1]


async def test_indexing_goes_on_in_small_steps(db, now):
    for n in range(5):
        await said(f"문의 {n}", now)
    assert [await search.index_pending(now, limit=2) for _ in range(4)] == [2, 2, 1, 0]
