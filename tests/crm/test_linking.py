"""Only a proof joins an identity to another contact; words, guesses and old links do not."""

from datetime import UTC, datetime, timedelta

import pytest

from crm import contacts, duplicates, identities, linking, merging, timeline, vault
from crm.actor import BOT, SYSTEM, Actor
from crm.errors import Forbidden, Invalid
from crm.models import Contact, Identity, OneTimeCode
from tests.crm.makers import a_staff

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
PHONE, SAME = "010-1234-2481", "+821012342481"


@pytest.fixture(autouse=True)
def secret(any_db) -> None:
    vault.use(b"a secret of the installation")


async def visitor(user: str, channel: str = "web") -> Identity:
    return await identities.find_or_create(channel, "", user, display_name=user, now=AT)


async def known(name: str = "김민지") -> Contact:
    """A customer that staff entered."""
    return await contacts.create(await a_staff(AT), now=AT, name=name, phone=PHONE)


async def owner(identity: Identity) -> int:
    return int((await Identity.get(id=identity.id)).contact_id)


# --- what a proof does


async def test_a_typed_number_links_nothing():
    entered, identity = await known(), await visitor("s1")
    await contacts.update(BOT, identity.contact_id, {"phone": PHONE}, now=AT)
    assert await owner(identity) != entered.id
    assert not (await Contact.get(id=identity.contact_id)).verified


async def test_telegrams_own_contact_links_to_the_one_that_staff_entered_and_can_be_undone():
    entered, identity = await known(), await visitor("77", "telegram")
    linked = await linking.prove(identity.id, "phone", PHONE, how="channel", now=AT)
    assert (linked.contact_id, await owner(identity)) == (entered.id, entered.id)
    assert (await Contact.get(id=entered.id)).verified
    await merging.unmerge(SYSTEM, linked.merge_id, now=AT)
    assert await owner(identity) == identity.contact_id
    assert await linking.proven(entered.id, "phone") == []


async def test_who_only_typed_the_number_gains_nothing_when_its_owner_proves_it():
    thief, honest = await visitor("thief"), await visitor("77", "telegram")
    await contacts.update(BOT, thief.contact_id, {"phone": PHONE}, now=AT)
    linked = await linking.prove(honest.id, "phone", PHONE, how="channel", now=AT)
    assert (linked.merge_id, linked.suggested) == (None, (thief.contact_id,))
    assert await owner(honest) != await owner(thief)


async def test_two_that_prove_the_same_number_are_one_person():
    first, second = await visitor("77", "telegram"), await visitor("s1")
    await linking.prove(first.id, "phone", PHONE, how="channel", now=AT)
    linked = await linking.prove(second.id, "phone", PHONE, how="code", now=AT)
    assert linked.contact_id == await owner(first) == await owner(second)
    entries = (await timeline.of(SYSTEM, linked.contact_id)).items
    assert {"identity.proven", "contact.merged"} <= {entry["kind"] for entry in entries}


async def test_with_several_owners_or_another_number_proven_before_staff_decide():
    one, other = await known("김민지"), await contacts.create(SYSTEM, now=AT, phone=PHONE)
    identity = await visitor("77", "telegram")
    linked = await linking.prove(identity.id, "phone", PHONE, how="channel", now=AT)
    assert (linked.merge_id, linked.suggested) == (None, (one.id, other.id))
    third = await contacts.create(SYSTEM, now=AT, phone="010-5555-0000")
    moved = await linking.prove(identity.id, "phone", "010-5555-0000", how="code", now=AT)
    assert (moved.merge_id, moved.suggested) == (None, (third.id,))


async def test_a_customer_who_types_another_number_is_no_longer_proven():
    identity = await visitor("77", "telegram")
    await linking.prove(identity.id, "phone", PHONE, how="channel", now=AT)
    changed = await contacts.update(BOT, identity.contact_id, {"phone": "010-5555-0000"}, now=AT)
    assert not changed.verified


async def test_an_embedding_site_joins_the_browsers_of_one_visitor():
    phone_browser, home_browser = await visitor("s1"), await visitor("s2")
    await linking.vouch(phone_browser.id, "member-7", phone="not a number", now=AT)
    await linking.vouch(home_browser.id, "member-7", now=AT)
    assert await owner(phone_browser) == await owner(home_browser)
    stranger = await visitor("s3")
    await linking.vouch(stranger.id, "member-8", now=AT)
    assert await owner(stranger) != await owner(home_browser)


# --- one-time codes


async def test_the_right_code_proves_the_address_and_works_once():
    entered, identity = await known(), await visitor("s1")
    code = await linking.issue_code(identity.id, "phone", PHONE, now=AT)
    assert (code.target, len(code.digits)) == (SAME, 6)
    assert code.digits not in str(await OneTimeCode.all().values())
    tried = await linking.try_code(identity.id, f" {code.digits[:3]} {code.digits[3:]}", now=AT)
    assert tried.result == "right"
    assert await owner(identity) == entered.id
    assert (await linking.try_code(identity.id, code.digits, now=AT)).result == "none"


async def test_five_wrong_tries_use_a_code_up():
    identity = await visitor("s1")
    code = await linking.issue_code(identity.id, "email", "Kim@Example.com", now=AT)
    wrong = f"{(int(code.digits) + 1) % 10**6:06}"
    results = [await linking.try_code(identity.id, wrong, now=AT) for _ in range(5)]
    assert [tried.tries_left for tried in results] == [4, 3, 2, 1, 0]
    assert (await linking.try_code(identity.id, code.digits, now=AT)).result == "used_up"


async def test_a_code_ends_after_ten_minutes_and_with_the_next_one():
    identity, other = await visitor("s1"), await visitor("s2")
    first = await linking.issue_code(identity.id, "phone", PHONE, now=AT)
    assert (await linking.try_code(other.id, first.digits, now=AT)).result == "none"
    second = await linking.issue_code(identity.id, "phone", PHONE, now=AT)
    if first.digits != second.digits:
        assert (await linking.try_code(identity.id, first.digits, now=AT)).result == "wrong"
    late = AT + timedelta(minutes=10)
    assert (await linking.try_code(identity.id, second.digits, now=late)).result == "none"
    assert await linking.sweep(late + timedelta(days=1)) == 2


async def test_codes_are_limited_for_the_asker_and_for_the_address():
    for n in range(5):
        asker = await visitor(f"s{n}")
        await linking.issue_code(asker.id, "phone", PHONE, now=AT + timedelta(minutes=n))
    sixth = await visitor("s9")
    with pytest.raises(linking.TooMany) as fault:
        await linking.issue_code(sixth.id, "phone", PHONE, now=AT + timedelta(minutes=10))
    assert fault.value.values == {"minutes": 50}
    for n in range(5):
        await linking.issue_code(sixth.id, "phone", f"010-5555-000{n}", now=AT)
    with pytest.raises(linking.TooMany):
        await linking.issue_code(sixth.id, "email", "a@example.com", now=AT)
    await linking.issue_code(sixth.id, "phone", PHONE, now=AT + timedelta(hours=2))


# --- links


async def test_a_link_from_a_linked_channel_joins_another_once():
    web, telegram = await visitor("s1"), await visitor("77", "telegram")
    friend = await visitor("78", "telegram")
    token = await linking.link_for(BOT, web.contact_id, now=AT)
    assert len(token) <= 64
    assert token.replace("-", "").replace("_", "").isalnum()
    linked = await linking.open_link(telegram.id, token, now=AT)
    assert linked.contact_id == await owner(web) == await owner(telegram)
    assert (await linking.open_link(telegram.id, token, now=AT)).merge_id is None
    with pytest.raises(Invalid, match="used"):
        await linking.open_link(friend.id, token, now=AT)


async def test_a_link_that_is_old_or_changed_joins_nothing():
    web, telegram = await visitor("s1"), await visitor("77", "telegram")
    token = await linking.link_for(BOT, web.contact_id, now=AT)
    with pytest.raises(Invalid, match="expired"):
        await linking.open_link(telegram.id, token, now=AT + timedelta(hours=24))
    other = await linking.link_for(BOT, telegram.contact_id, now=AT)
    for forged in ("", "한글", token[:-1], token + "A", token[:20] + other[20:], "A" * 43):
        with pytest.raises(Invalid, match="forged"):
            await linking.open_link(telegram.id, forged, now=AT)


async def test_staff_need_the_permission_to_hand_out_a_link():
    web = await visitor("s1")
    with pytest.raises(Forbidden):
        await linking.link_for(Actor("staff", 1, "technician"), web.contact_id, now=AT)
    assert await linking.link_for(await a_staff(AT), web.contact_id, now=AT)


# --- suggestions


async def test_likely_duplicates_are_suggested_likeliest_first():
    one = await contacts.create(SYSTEM, now=AT, name="김민지", phone=PHONE, address="서울 마포구 1")
    twin = await contacts.create(SYSTEM, now=AT, name="김 민지", phone=PHONE, address="서울 마포구 1")
    family = await contacts.create(SYSTEM, now=AT, name="김철수", phone=PHONE, address="서울 마포구 1")
    home = await contacts.create(SYSTEM, now=AT, name="김민지", address="서울마포구 1")
    await contacts.create(SYSTEM, now=AT, name="김민지", address="부산")
    found = await duplicates.suggest(SYSTEM, one.id)
    assert [item.other_id for item in found] == [twin.id, family.id, home.id]
    assert found[0].alike == ("phone", "name", "address")


async def test_those_told_apart_or_merged_are_not_suggested_again():
    staff = await a_staff(AT)
    one, twin, third = [await contacts.create(SYSTEM, now=AT, name="a", phone=PHONE) for _ in range(3)]
    await duplicates.tell_apart(staff, twin.id, one.id, now=AT)
    assert [item.other_id for item in await duplicates.suggest(staff, one.id)] == [third.id]
    await merging.merge(staff, one.id, third.id, now=AT)
    assert await duplicates.suggest(staff, one.id) == []
    with pytest.raises(Forbidden):
        await duplicates.tell_apart(Actor("staff", 1, "technician"), one.id, twin.id, now=AT)


async def listed(staff: Actor, **page: int) -> list[tuple[int, int]]:
    """The pairs of the company-wide list: the older contact, the newer one."""
    return [(p.older["id"], p.newer["id"]) for p in (await duplicates.pairs(staff, **page)).items]


async def test_the_whole_company_is_looked_through_for_twins_each_pair_once():
    staff = await a_staff(AT)
    first = await contacts.create(SYSTEM, now=AT, name="김민지", email="minji@example.com")
    await contacts.create(SYSTEM, now=AT, name="김민지", address="부산")
    second = await contacts.create(SYSTEM, now=AT, name="한지우", phone=PHONE, address="서울 마포구 1")
    third = await contacts.create(SYSTEM, now=AT, name="한 지우", address="서울마포구 1")
    fourth = await contacts.create(SYSTEM, now=AT, name="우", phone=PHONE, email="minji@example.com")
    assert await listed(staff) == [(second.id, fourth.id), (first.id, fourth.id), (second.id, third.id)]
    with pytest.raises(Forbidden):
        await listed(Actor("staff", 1, "technician"))


async def test_a_pair_told_apart_leaves_the_list_and_the_next_older_one_comes_up():
    staff = await a_staff(AT)
    one, two, three = [await contacts.create(SYSTEM, now=AT, name="a", phone=PHONE) for _ in range(3)]
    assert await listed(staff) == [(two.id, three.id), (one.id, two.id)]
    await duplicates.tell_apart(staff, three.id, two.id, now=AT)
    assert await listed(staff) == [(one.id, three.id), (one.id, two.id)]
    await merging.merge(staff, one.id, two.id, now=AT)
    assert await listed(staff) == [(one.id, three.id)]


async def test_the_list_goes_on_where_its_page_ended():
    staff = await a_staff(AT)
    made = [(await contacts.create(SYSTEM, now=AT, name="a", phone=PHONE)).id for _ in range(6)]
    first = await duplicates.pairs(staff, limit=3)
    rest = await duplicates.pairs(staff, after=first.next, limit=3)
    newer = [pair.newer["id"] for pair in (*first.items, *rest.items)]
    assert (len(first.items), newer, rest.next) == (3, made[:0:-1], None)
