"""Two contacts that are one person become one, and can be parted again exactly as they were."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import (
    audit,
    consent,
    contacts,
    conversations,
    db,
    identities,
    inbox,
    merging,
    outbox,
    privacy,
    requests,
    search,
    timeline,
    vault,
)
from crm.actor import SYSTEM, Actor
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.merged_fields import FIELDS, Step, completed, without
from crm.models import Consent, Contact, ContactMerge, Conversation, Identity, ServiceRequest
from tests.crm.makers import a_staff
from tests.crm.people import Maker, picture

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
SEOUL = ZoneInfo("Asia/Seoul")


@pytest.fixture(autouse=True)
def secret() -> None:
    vault.use(b"a secret of the installation")


async def writes(user: str, text: str, now: datetime, channel: str = "web") -> inbox.Stored:
    """A customer writes on a channel."""
    return await inbox.store(
        inbox.Inbound(
            channel=channel, external_user=user, external_id=f"{user}-{text}-{now}", text=text,
            display_name=user, received_at=now,
        ),
        now=now,
    )  # fmt: skip


async def person(user: str, now: datetime, channel: str = "web") -> int:
    """The contact behind a customer's first message."""
    stored = await writes(user, "안녕하세요", now, channel)
    return int((await Conversation.get(id=stored.conversation_id)).contact_id)


async def opened(contact_id: int, conversation_id: int | None, now: datetime, **more) -> ServiceRequest:
    return await requests.open(
        SYSTEM, contact_id, conversation_id=conversation_id, product_text="세탁기", product_id=None,
        possession_id=more.get("possession_id"), symptom="소음", visit_from=None, visit_to=None, address="",
        phone="", now=now, tz=SEOUL,
    )  # fmt: skip


# --- the property


async def merged_and_parted(maker: Maker, pairs: int) -> None:
    """Make pairs of contacts; merging and parting each must leave no trace in what they are and have."""
    for _ in range(pairs):
        one, other = await maker.contact(), await maker.contact()
        before = await picture(one.id), await picture(other.id)
        async with db.transaction():
            journal = await merging.merge(SYSTEM, one.id, other.id, now=AT)
            hidden = await picture(other.id)
            assert not any(hidden[name] for name in ("identity", "conversation", "service_request", "keys"))
            await merging.unmerge(SYSTEM, journal.id, now=AT + timedelta(days=1))
        assert (await picture(one.id), await picture(other.id)) == before


async def test_merging_and_parting_a_hundred_random_pairs_leaves_both_as_they_were(db):
    maker = Maker(7, AT)
    await maker.prepare()
    await merged_and_parted(maker, 100)
    assert (await audit.verify()).whole


@pytest.mark.full
async def test_merging_and_parting_a_thousand_random_pairs_leaves_both_as_they_were(db):
    maker = Maker(2026, AT)
    await maker.prepare()
    await merged_and_parted(maker, 1000)
    assert (await audit.verify()).whole


async def test_a_row_of_random_merges_undone_in_any_order_leaves_all_as_they_were(any_db):
    maker = Maker(11, AT)
    await maker.prepare()
    for _ in range(10):
        one, *others = [await maker.contact() for _ in range(4)]
        before = [await picture(contact.id) for contact in (one, *others)]
        journals = [await merging.merge(SYSTEM, one.id, other.id, now=AT) for other in others]
        maker.random.shuffle(journals)
        for journal in journals:
            await merging.unmerge(SYSTEM, journal.id, now=AT)
        assert [await picture(contact.id) for contact in (one, *others)] == before


async def test_what_arrives_in_between_goes_to_the_side_of_its_own_identity(any_db):
    one, other = await person("하나", AT), await person("둘", AT, "telegram")
    journal = await merging.merge(SYSTEM, one, other, now=AT)
    meanwhile = AT + timedelta(hours=1)
    first, second = await writes("하나", "질문", meanwhile), await writes("둘", "문의", meanwhile, "telegram")
    for stored in (first, second):
        conversation = await Conversation.get(id=stored.conversation_id)
        assert conversation.contact_id == one
        await opened(one, conversation.id, meanwhile)
        await consent.record(
            one, "ad", channel=conversation.channel, granted=True, source="chat",
            identity_id=conversation.identity_id, now=meanwhile,
        )  # fmt: skip
    await merging.unmerge(SYSTEM, journal.id, now=meanwhile)
    for contact_id, stored in ((one, first), (other, second)):
        assert [row["id"] for row in (await picture(contact_id))["conversation"]] == [stored.conversation_id]
        (request,) = await ServiceRequest.filter(contact_id=contact_id)
        assert request.conversation_id == stored.conversation_id
        kinds = [item["kind"] for item in (await timeline.of(SYSTEM, contact_id)).items]
        assert kinds.count("request.opened") == 1
    assert [row.channel for row in await Consent.filter(contact_id=other)] == ["telegram"]


async def test_a_new_conversation_of_a_moved_identity_goes_back_with_it(any_db):
    one, other = await person("하나", AT), await person("둘", AT)
    journal = await merging.merge(SYSTEM, one, other, now=AT)
    old = await Conversation.get(identity__external_id="둘")
    await conversations.close(SYSTEM, old.id, now=AT)
    later = await writes("둘", "다시", AT + timedelta(days=30))
    assert later.conversation_id != old.id
    await merging.unmerge(SYSTEM, journal.id, now=AT + timedelta(days=31))
    assert {row.contact_id for row in await Conversation.filter(identity_id=old.identity_id)} == {other}


async def test_a_refusal_that_nobody_in_particular_made_holds_for_both_afterwards(any_db):
    one, other = await person("하나", AT), await person("둘", AT)
    await consent.record(other, "ad", channel="sms", granted=True, source="form", now=AT)
    journal = await merging.merge(SYSTEM, one, other, now=AT)
    await consent.record(one, "ad", channel="sms", granted=False, source="phone", now=AT + timedelta(days=1))
    await merging.unmerge(SYSTEM, journal.id, now=AT + timedelta(days=2))
    assert not await consent.holds(one, "ad", channel="sms")
    assert not await consent.holds(other, "ad", channel="sms")


# --- fields


async def test_the_kept_contact_gains_what_it_lacks_and_overwrites_nothing(any_db):
    one = await contacts.create(SYSTEM, now=AT, name="김민지", notes="단골")
    other = await contacts.create(SYSTEM, now=AT, name="민지", phone="010-1234-2481", notes="문 앞")
    await merging.merge(SYSTEM, one.id, other.id, now=AT)
    kept = await Contact.get(id=one.id)
    assert (kept.name, kept.phone, kept.notes) == ("김민지", "+821012342481", "단골\n문 앞")


async def test_what_staff_change_in_between_stays_with_the_kept_contact(any_db):
    one = await contacts.create(SYSTEM, now=AT, name="김민지")
    other = await contacts.create(SYSTEM, now=AT, name="민지", phone="010-1234-2481", notes="문 앞")
    journal = await merging.merge(SYSTEM, one.id, other.id, now=AT)
    await contacts.update(SYSTEM, one.id, {"email": "new@example.com"}, now=AT)
    await contacts.note(SYSTEM, one.id, "전화 선호", now=AT)
    await merging.unmerge(SYSTEM, journal.id, now=AT)
    kept = await Contact.get(id=one.id)
    assert (kept.email, kept.phone, kept.notes) == ("new@example.com", "", "전화 선호")
    assert (await Contact.get(id=other.id)).notes == "문 앞"


FACTS = st.fixed_dictionaries(
    {name: st.sampled_from(["", "a", "b"]) for name in ("name", "phone", "email", "address", "notes")}
    | {"account_id": st.sampled_from([None, 1, 2]), "preferred_channel": st.sampled_from(["", "web"])}
    | {name: st.sampled_from([None, AT]) for name in ("customer_since", "privacy_noticed_at")}
    | {name: st.booleans() for name in ("verified", "blocked")}
    | {"updated_at": st.just(AT)}
)


@given(FACTS, st.lists(FACTS, min_size=1, max_size=4), st.data())
def test_taking_one_merge_out_is_as_if_it_had_never_been(start, others, data):
    steps, now_known = [], start
    for theirs in others:
        after = completed(now_known, theirs)
        steps.append(Step(now_known, after, theirs))
        now_known = after
    at = data.draw(st.integers(0, len(others) - 1))
    values, anew = without(steps[at:], now_known)
    expected = start
    for theirs in others[:at] + others[at + 1 :]:
        expected = completed(expected, theirs)
    assert values == expected
    assert len(anew) == len(others) - at - 1
    assert set(values) == set(FIELDS)


# --- search, audit, erasure


async def test_search_finds_the_one_person_by_either_name_and_after_parting_each_by_its_own(any_db):
    one = await contacts.create(SYSTEM, now=AT, name="김민지", phone="010-1234-2481")
    other = await contacts.create(SYSTEM, now=AT, name="박서연", phone="010-5555-0000")
    journal = await merging.merge(SYSTEM, one.id, other.id, now=AT)
    assert await search.find_contacts("박서") == [one.id]
    await contacts.update(SYSTEM, one.id, {"name": "김민정"}, now=AT)
    assert await search.find_contacts("55550000") == [one.id]
    listed = await contacts.list_contacts(SYSTEM)
    assert [item["id"] for item in listed.items] == [one.id]
    await merging.unmerge(SYSTEM, journal.id, now=AT)
    assert await search.find_contacts("박서") == [other.id]
    assert await search.find_contacts("김민정") == [one.id]


async def test_merges_are_audited_and_the_chain_stays_whole_through_parting_and_erasure(any_db):
    staff = await a_staff(AT, role="admin")
    one = await contacts.create(staff, now=AT, name="김민지")
    other = await contacts.create(staff, now=AT, name="박서연")
    journal = await merging.merge(staff, one.id, other.id, now=AT)
    acts = [(entry.act, entry.contact_id) for entry in await audit.of_contact(staff, one.id)]
    assert ("contact.created", other.id) in acts
    assert {("contact.merged", one.id), ("contact.merged", other.id)} <= set(acts)
    await merging.unmerge(staff, journal.id, now=AT)
    await privacy.erase(staff, one.id, now=AT)
    assert (await audit.verify()).whole
    assert (await Contact.get(id=other.id)).name == "박서연"


async def test_erasing_a_merged_person_erases_all_of_them_and_ends_the_way_back(any_db):
    staff = await a_staff(AT, role="admin")
    one = await contacts.create(staff, now=AT, name="김민지")
    other = await contacts.create(staff, now=AT, name="박서연", phone="010-5555-0000")
    journal = await merging.merge(staff, one.id, other.id, now=AT)
    await privacy.erase(staff, other.id, now=AT)  # whichever number the operator has
    for contact in await Contact.all():
        assert (contact.name, contact.phone, contact.notes) == ("", "", "")
        assert contact.erased_at == AT
    for entry in await audit.of_contact(staff, one.id):
        assert await audit.personal_values(staff, entry) is None
    with pytest.raises(Conflict, match="erased"):
        await merging.unmerge(staff, journal.id, now=AT)


async def test_a_copy_of_a_persons_data_holds_both_halves(any_db):
    one, other = await person("하나", AT), await person("둘", AT, "telegram")
    await merging.merge(SYSTEM, one, other, now=AT)
    copy = await privacy.export(SYSTEM, other, now=AT)
    assert {row["channel"] for row in copy["identities"]} == {"web", "telegram"}


# --- talking goes on


async def test_messages_under_way_and_new_ones_go_on_in_the_same_conversation(any_db):
    one, other = await person("하나", AT), await person("둘", AT)
    identity = await Identity.get(contact_id=other)
    conversation = await Conversation.get(identity_id=identity.id)
    await outbox.put(conversation.id, author="bot", text="네", now=AT)
    await merging.merge(SYSTEM, one, other, now=AT)
    stored = await writes("둘", "아직요", AT + timedelta(minutes=1))
    assert stored.conversation_id == conversation.id
    await outbox.put(conversation.id, author="bot", text="알겠어요", now=AT)
    (claim,) = await outbox.claim("sender", AT)
    assert [item.text for item in claim.items] == ["네", "알겠어요"]
    found = await identities.find_or_create("web", "", "둘", now=AT)
    assert found.contact_id == one


async def test_what_was_written_to_the_absorbed_contact_at_the_last_moment_is_brought_home(any_db):
    one, other = await person("하나", AT), await person("둘", AT)
    journal = await merging.merge(SYSTEM, one, other, now=AT)
    late = await consent.record(other, "ad", channel="sms", granted=False, source="form", now=AT)
    assert await merging.gather(AT) == 2  # the decision and its line of the timeline
    assert await merging.gather(AT) == 0
    assert (await Consent.get(id=late.id)).contact_id == one
    await merging.unmerge(SYSTEM, journal.id, now=AT)
    assert (await Consent.get(id=late.id)).contact_id == other


# --- what is refused


async def test_merging_needs_the_permission_and_two_living_contacts(any_db):
    first, second = await _two()
    technician = Actor("staff", 1, "technician")
    with pytest.raises(Forbidden):
        await merging.merge(technician, first.id, second.id, now=AT)
    with pytest.raises(Invalid):
        await merging.merge(SYSTEM, first.id, first.id, now=AT)
    with pytest.raises(NotFound):
        await merging.merge(SYSTEM, first.id, 999, now=AT)
    await privacy.erase(SYSTEM, second.id, now=AT)
    with pytest.raises(Conflict, match="erased"):
        await merging.merge(SYSTEM, first.id, second.id, now=AT)
    assert await ContactMerge.all().count() == 0


async def _two() -> tuple[Contact, Contact]:
    return await contacts.create(SYSTEM, now=AT, name="a"), await contacts.create(SYSTEM, now=AT, name="b")


async def test_what_is_part_of_another_contact_is_neither_merged_nor_changed(any_db):
    one, other = await _two()
    third = await contacts.create(SYSTEM, now=AT, name="c")
    first = await merging.merge(SYSTEM, one.id, other.id, now=AT)
    with pytest.raises(Conflict, match="merged") as refused:
        await contacts.update(SYSTEM, other.id, {"name": "d"}, now=AT)
    assert refused.value.values["contact_id"] == one.id
    with pytest.raises(Conflict, match="merged"):
        await merging.merge(SYSTEM, third.id, other.id, now=AT)
    second = await merging.merge(SYSTEM, third.id, one.id, now=AT)
    assert await merging.resolve(other.id) == third.id
    assert await merging.parts_of(third.id) == [one.id, other.id]
    with pytest.raises(Conflict, match="merged"):
        await merging.unmerge(SYSTEM, first.id, now=AT)
    await merging.unmerge(SYSTEM, second.id, now=AT)
    await merging.unmerge(SYSTEM, first.id, now=AT)
    with pytest.raises(Conflict, match="undone"):
        await merging.unmerge(SYSTEM, first.id, now=AT)


async def test_a_block_is_not_escaped_by_proving_who_one_is(any_db):
    one, other = await _two()
    await contacts.block(SYSTEM, other.id, now=AT)
    journal = await merging.merge(SYSTEM, one.id, other.id, now=AT)
    assert (await Contact.get(id=one.id)).blocked
    await merging.unmerge(SYSTEM, journal.id, now=AT)
    assert not (await Contact.get(id=one.id)).blocked
