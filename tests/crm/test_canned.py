"""Canned replies: variables known when saved, filled when used."""

import pytest

from crm import canned, company, conversations, identities, vault
from crm.actor import SYSTEM, Actor
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.models import ServiceRequest, Staff

YUNA = Actor("staff", 3, "agent", "한유나")
MINA = Actor("staff", 4, "marketing", "강미나")


@pytest.fixture(autouse=True)
async def connected(db):
    vault.use(b"a secret of the installation")
    await company.ensure("새봄가전", "Saebom")


async def save(
    now, text="{고객}님, {회사} {담당}이에요. 접수번호는 {접수번호}예요.", shortcut="인사", **more
):
    return await canned.save(YUNA, shortcut=shortcut, title="첫인사", text=text, now=now, **more)


async def talk(now, name="김민준"):
    identity = await identities.find_or_create("web", "", f"s-{name}", display_name=name, now=now)
    return await conversations.reach(identity, now=now)


async def test_variables_are_filled_from_the_conversation(now):
    reply, conversation = await save(now), await talk(now)
    for number, conversation_id in (("SR-2026-000001", conversation.id), ("SR-2026-000002", None)):
        await ServiceRequest.create(
            number=number, contact_id=conversation.contact_id, conversation_id=conversation_id,
            created_at=now, updated_at=now, status_at=now,
        )  # fmt: skip
    filled = await canned.expand(YUNA, reply.id, conversation.id)
    assert filled == canned.Filled("김민준님, 새봄가전 한유나이에요. 접수번호는 SR-2026-000001예요.", ())


async def test_what_is_not_known_stays_visible_and_is_named(now):
    reply, conversation = await save(now), await talk(now, name="")
    filled = await canned.expand(YUNA, reply.id, conversation.id)
    assert filled.text.startswith("고객님, 새봄가전")
    assert filled.missing == ("접수번호",)
    assert "{접수번호}" in filled.text


async def test_an_english_text_has_english_names(now):
    reply = await save(now, "Hello {customer}, this is {agent} of {company}.", shortcut="hi", locale="en")
    filled = await canned.expand(YUNA, reply.id, (await talk(now, name="")).id)
    assert filled.text == "Hello there, this is 한유나 of Saebom."


async def test_an_english_text_names_the_agent_in_latin_letters_where_they_are_known(now):
    staff = await Staff.create(
        login="yuna", name="한유나", name_en="Yuna Han", role="agent", created_at=now, password_hash=""
    )
    yuna = Actor("staff", staff.id, "agent", staff.name)
    english = await save(now, "This is {agent}.", shortcut="hi", locale="en")
    korean = await save(now, "{담당}입니다.", shortcut="인사")
    talking = (await talk(now)).id
    assert (await canned.expand(yuna, english.id, talking)).text == "This is Yuna Han."
    assert (await canned.expand(yuna, korean.id, talking)).text == "한유나입니다."
    await Staff.filter(id=staff.id).update(name_en="")
    assert (await canned.expand(yuna, english.id, talking)).text == "This is 한유나."


async def test_an_unknown_variable_is_refused_with_the_known_ones(now):
    with pytest.raises(Invalid) as refused:
        await save(now, "{고겍}님 안녕하세요")
    assert refused.value.reason == "unknown_variable"
    assert refused.value.values["name"] == "고겍"
    assert "고객" in refused.value.values["known"]


async def test_a_customer_named_like_a_variable_is_not_filled_again(now):
    reply = await save(now, "{고객}님")
    filled = await canned.expand(YUNA, reply.id, (await talk(now, name="{회사}")).id)
    assert filled.text == "{회사}님"


async def test_a_shortcut_is_one_word_used_once(now):
    first = await save(now)
    with pytest.raises(Conflict):
        await save(now)
    with pytest.raises(Invalid):
        await save(now, shortcut="두 낱말")
    other = await save(now, shortcut="/마침")
    assert other.shortcut == "마침"
    with pytest.raises(Conflict):
        await save(now, shortcut="인사", canned_id=other.id)
    changed = await save(now, "{고객}님 반가워요", canned_id=first.id)
    assert (changed.id, changed.text) == (first.id, "{고객}님 반가워요")
    with pytest.raises(NotFound):
        await save(now, shortcut="없음", canned_id=99)


async def test_replies_are_found_by_what_is_typed_after_the_slash(now):
    await save(now)
    await save(now, shortcut="환불안내")
    assert [r.shortcut for r in await canned.list_canned(YUNA, query="/환")] == ["환불안내"]
    assert len(await canned.list_canned(MINA)) == 2


async def test_marketing_may_not_write_them(now):
    with pytest.raises(Forbidden):
        await canned.save(MINA, shortcut="a", title="a", text="a", now=now)


async def test_a_deleted_one_is_gone(now):
    reply = await save(now)
    await canned.delete(SYSTEM, reply.id, now=now)
    with pytest.raises(NotFound):
        await canned.delete(SYSTEM, reply.id, now=now)
