"""Links into a live session: forged, expired, replayed, opened by another browser."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm import live_asking, live_links, live_people, vault
from crm.errors import Conflict, Invalid
from crm.models import LiveParticipant
from tests.crm.makers import a_company, a_contact, a_staff

NOW = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def secret(any_db: str) -> None:
    vault.use(b"a test's own secret, 32 bytes at least")
    await a_company()


async def a_place() -> LiveParticipant:
    contact = await a_contact(NOW)
    return (await live_asking.create(await a_staff(NOW), contact.id, now=NOW)).customer


async def test_the_first_browser_binds_the_link_and_may_come_back() -> None:
    token = live_links.token_of(await a_place())
    place, secret = await live_links.enter(token, "", now=NOW)
    assert place.participant.bound_at == NOW
    again, same = await live_links.enter(token, secret, now=NOW + timedelta(minutes=5))
    assert (again.participant.id, same) == (place.participant.id, secret)


async def test_another_browser_is_refused_and_counted() -> None:
    token = live_links.token_of(await a_place())
    place, _ = await live_links.enter(token, "", now=NOW)
    for secret in ("", "a guess"):
        with pytest.raises(Conflict, match="other_browser"):
            await live_links.enter(token, secret, now=NOW)
    await place.participant.refresh_from_db()
    assert place.participant.refused_opens == 2


async def test_looking_at_a_link_binds_nothing() -> None:
    token = live_links.token_of(await a_place())
    place = await live_links.find(token, now=NOW)
    assert place.participant.bound_hash == ""


async def test_a_link_ends_with_its_time_and_with_its_revocation() -> None:
    row = await a_place()
    token = live_links.token_of(row)
    with pytest.raises(Invalid, match="expired"):
        await live_links.find(token, now=row.expires_at)
    await LiveParticipant.filter(id=row.id).update(revoked_at=NOW)
    with pytest.raises(Invalid, match="revoked"):
        await live_links.find(token, now=NOW)


async def test_a_renewed_link_shuts_the_old_one_out() -> None:
    row = await a_place()
    old = live_links.token_of(row)
    await live_links.enter(old, "", now=NOW)
    fresh = await live_links.renew(row.id, ttl=timedelta(hours=1), now=NOW)
    with pytest.raises(Invalid, match="forged"):
        await live_links.enter(old, "", now=NOW)
    await live_links.enter(live_links.token_of(fresh), "", now=NOW)


async def test_no_changed_character_passes() -> None:
    token = live_links.token_of(await a_place())
    for at in range(len(token)):
        other = "1" if token[at] != "1" else "2"
        with pytest.raises(Invalid, match="forged"):
            await live_links.find(token[:at] + other + token[at + 1 :], now=NOW)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_nothing_made_up_is_read_as_a_link(text: str) -> None:
    reasons = set()
    try:
        assert min(live_links._parsed(text)[:2]) >= 0
    except Invalid as fault:
        reasons.add(fault.reason)
    assert reasons <= {"forged"}


async def test_staff_are_shown_their_own_way_in_instead_of_the_customers_link() -> None:
    place = await a_place()
    live_links.use("https://help.saebom.example/dangol")
    link, url = live_links.url_of(place), "https://desk.saebom.example"
    told = await live_links.for_staff(f"누르면 들어와요.\n{link}\n고맙습니다", url)
    assert told == f"누르면 들어와요.\n{url}/desk/calls/{place.session_id}/room\n고맙습니다"
    guest = await live_people.invite_guest(await a_staff(NOW, "yuna"), place.session_id, "제조사", now=NOW)
    for other in (live_links.url_of(guest), f"{link[:-30]}", "https://a.example/call/1.2.short"):
        assert await live_links.for_staff(other, url) == other
