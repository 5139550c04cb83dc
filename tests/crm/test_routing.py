"""A message that starts with us takes one way: the last used, the preferred, or the cheapest that reaches."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import consent, contacts, happenings, identities, inbox, outbox, routing, timeline, vault, ways
from crm.actor import SYSTEM
from crm.errors import Invalid
from crm.models import Contact, Conversation, Identity, Message, Proof, Route
from crm.routing import Notice
from crm.ways import Terms, Way
from tests.crm.makers import a_company

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)  # noon in Korea
TABLE = {
    "web": Terms(window=timedelta(hours=1), starts=False, keeps=True),
    "telegram": Terms(),
    "kakao": Terms(window=timedelta(minutes=1), starts=False),
    "alimtalk": Terms(cost=9, address="phone"),
    "sms": Terms(cost=20, address="phone"),
    "email": Terms(cost=1, address="email"),
}
PHONE = "+821012342481"
AD = "(광고) 새봄가전 1588-1234\n필터를 20% 싸게 드려요.\n무료수신거부 080-123-4567"


# --- the decision, pure

WAYS = st.lists(
    st.builds(
        Way,
        channel=st.sampled_from(sorted(TABLE)),
        terms=st.builds(
            Terms,
            window=st.sampled_from([None, timedelta(0), timedelta(hours=1)]),
            cost=st.integers(0, 30),
            starts=st.booleans(),
            keeps=st.booleans(),
        ),
        identity_id=st.integers(1, 6),
        last_inbound_at=st.none() | st.integers(0, 180).map(lambda n: AT - timedelta(minutes=n)),
        blocked=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda way: way.identity_id,
)
FEW = st.sets(st.sampled_from(sorted(TABLE)), max_size=3)


@given(WAYS, st.sampled_from(["", *TABLE]), FEW, st.sets(st.integers(1, 6), max_size=3))
def test_the_choice_is_the_last_used_the_preferred_or_the_cheapest_that_reaches(
    found, preferred, refused, tried
):
    choice = ways.choose(
        found, at=AT, preferred=preferred, refused=dict.fromkeys(refused, "no_consent"), tried=tried
    )
    usable = [w for w in found if not w.blocked and w.channel not in refused and w.identity_id not in tried]
    reaching = [w for w in usable if w.reaches(AT)]
    newest = max((w.last_inbound_at for w in found if w.last_inbound_at), default=None)
    assert choice.way is None or choice.way in usable
    if choice.why == ways.LAST:
        assert choice.way.last_inbound_at == newest
        assert choice.way.is_open(AT)
    elif choice.why == ways.PREFERRED:
        assert choice.way.channel == preferred
        assert choice.way in reaching
    elif choice.why == ways.CHEAPEST:
        assert choice.cost == min(w.terms.cost for w in reaching)
        assert preferred not in {w.channel for w in reaching}
    elif choice.why == ways.WAITS:
        assert not reaching
        assert choice.way.terms.keeps
    else:
        assert not reaching
        assert not any(w.terms.keeps for w in usable)
    last = [w for w in found if w.last_inbound_at == newest and newest]
    if last and all(w in usable and w.is_open(AT) for w in last):
        assert choice.why == ways.LAST
    assert choice == ways.choose(
        found, at=AT, preferred=preferred, refused=dict.fromkeys(refused, "no_consent"), tried=tried
    )


# --- the service


@pytest.fixture(autouse=True)
async def shop(any_db) -> None:
    vault.use(b"a secret of the installation")
    await a_company(phone="1588-1234")


async def customer(channel: str = "web", at: datetime = AT) -> Contact:
    """Somebody who wrote on a channel."""
    heard = inbox.Inbound(
        channel=channel, external_user="kim", external_id=f"{channel}{at}", text="안녕하세요", received_at=at
    )
    stored = await inbox.store(heard, now=at)
    return await Contact.get(id=(await Conversation.get(id=stored.conversation_id)).contact_id)


async def writes_on(contact: Contact, channel: str, at: datetime) -> None:
    identity = await identities.attach(contact.id, channel, "", f"{channel}-kim", now=at)
    await inbox.store(
        inbox.Inbound(
            channel=channel, external_user=identity.external_id, external_id=f"{channel}{at}", text="네",
            received_at=at,
        ),
        now=at,
    )  # fmt: skip


async def proves(contact: Contact, kind: str, value: str) -> None:
    await Proof.create(contact_id=contact.id, kind=kind, value=value, how="code", at=AT)


async def say(contact: Contact, key: str = "k", at: datetime = AT, **more) -> Route:
    given = {"text": "접수가 해결됐어요", **{k: more.pop(k) for k in ("text", "purpose") if k in more}}
    return await routing.notify(contact.id, Notice(key=key, **given), TABLE, now=at, **more)


def taken(route: Route) -> list[tuple[str, str, int]]:
    return [(step["channel"], step["why"], step["cost"]) for step in route.steps]


async def test_the_last_channel_used_is_taken_while_its_window_is_open(any_db):
    kim = await customer("telegram", AT - timedelta(hours=2))
    await writes_on(kim, "web", AT)
    assert taken(await say(kim)) == [("web", "last", 0)]
    later = await say(kim, "later", AT + timedelta(hours=1))
    assert taken(later) == [("telegram", "cheapest", 0)]


async def test_with_closed_windows_the_preferred_channel_is_taken_before_a_cheaper_one(any_db):
    kim = await customer("kakao", AT - timedelta(hours=1))
    await proves(kim, "phone", PHONE)
    await contacts.update(SYSTEM, kim.id, {"preferred_channel": "sms"}, now=AT)
    assert taken(await say(kim)) == [("sms", "preferred", 20)]
    identity = await Identity.get(channel="sms")
    assert (identity.external_id, identity.contact_id) == (PHONE, kim.id)


async def test_without_a_wish_the_cheapest_that_reaches_is_taken_and_stands_on_the_timeline(any_db):
    kim = await customer("kakao", AT - timedelta(hours=1))
    await proves(kim, "phone", PHONE)
    route = await say(kim)
    assert taken(route) == [("alimtalk", "cheapest", 9)]
    (entry,) = [e for e in (await timeline.of(SYSTEM, kim.id)).items if e["kind"] == "message.routed"]
    assert (entry["data"]["channel"], entry["data"]["cost"]) == ("alimtalk", 9)
    assert ["kakao", "closed"] in entry["data"]["passed"]
    assert PHONE not in str(entry)


async def test_a_typed_number_is_no_way(any_db):
    kim = await customer("kakao", AT - timedelta(hours=1))
    await contacts.update(SYSTEM, kim.id, {"phone": PHONE}, now=AT)
    assert taken(await say(kim)) == [("", "none", 0)]


async def test_a_message_waits_in_the_web_chat_when_nothing_else_reaches(any_db):
    kim = await customer("web", AT - timedelta(days=1))
    assert taken(await say(kim)) == [("web", "waits", 0)]


async def test_without_any_way_a_notice_becomes_a_matter_for_staff(any_db):
    kim = await customer("kakao", AT - timedelta(hours=1))
    await say(kim)
    assert (await Conversation.get(contact_id=kim.id)).owner == "staff"
    assert await Message.filter(direction="out").count() == 0


async def test_the_same_notice_goes_out_once_and_on_one_channel(any_db):
    kim = await customer("web")
    await proves(kim, "phone", PHONE)
    first, again = await say(kim), await say(kim)
    assert first.id == again.id
    assert await Message.filter(direction="out").count() == 1


async def test_two_channels_only_when_asked(any_db):
    kim = await customer("web")
    await proves(kim, "phone", PHONE)
    route = await say(kim, on=("web", "sms"))
    assert [channel for channel, _, _ in taken(route)] == ["web", "sms"]


async def test_when_a_way_fails_the_next_one_is_tried_and_no_other_before(any_db):
    kim = await customer("telegram", AT)
    await proves(kim, "phone", PHONE)
    route = await say(kim)
    message_id = route.message_id
    (claim,) = await outbox.claim("sender", AT)
    assert await routing.failed(message_id + 1000, TABLE, now=AT) is None
    await outbox.dead(claim, claim.items[0], "blocked", AT)
    again = await routing.failed(message_id, TABLE, now=AT)
    assert [channel for channel, _, _ in taken(again)] == ["telegram", "alimtalk"]
    assert ["telegram", "failed"] in again.steps[1]["passed"]
    assert await routing.failed(message_id, TABLE, now=AT) is None
    assert (await Message.get(id=again.message_id)).text == "접수가 해결됐어요"


async def test_an_advertisement_takes_only_a_way_that_the_gate_opens(any_db):
    kim = await customer("telegram", AT)
    await proves(kim, "phone", PHONE)
    await consent.record(kim.id, "ad", channel="sms", granted=True, source="form", now=AT)
    assert taken(await say(kim, text=AD, purpose="ad")) == [("sms", "cheapest", 20)]
    night = AT + timedelta(hours=10)
    assert taken(await say(kim, "night", night, text=AD, purpose="ad")) == [("", "none", 0)]
    assert (await Conversation.get(channel="telegram")).owner == "bot"


async def test_an_address_that_is_somebody_elses_is_not_taken(any_db):
    other = await customer("sms")
    await Identity.filter(contact_id=other.id).update(external_id=PHONE)
    kim = await contacts.create(SYSTEM, now=AT, name="김민지")
    await proves(kim, "phone", PHONE)
    route = await routing.notify(kim.id, Notice("k", "안내"), {"sms": TABLE["sms"]}, now=AT)
    assert taken(route) == [("", "none", 0)]


async def test_a_blocked_or_unknown_kind_of_message_goes_nowhere(any_db):
    kim = await customer("web")
    await contacts.block(SYSTEM, kim.id, now=AT)
    assert taken(await say(kim)) == [("", "none", 0)]
    assert (await Conversation.get(contact_id=kim.id)).owner == "bot"
    with pytest.raises(Invalid):
        await say(kim, "other", purpose="reply")
    assert [h.kind for h in await happenings.since(0)].count("message.routed") == 1
