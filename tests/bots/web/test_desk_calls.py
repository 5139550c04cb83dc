"""Live support on the desk: inviting, the call page, colleagues, the record, summary and recording."""

from datetime import datetime, timedelta
from pathlib import Path

from crm import company as profile
from crm import (
    live_after,
    live_asking,
    live_chat,
    live_links,
    live_people,
    live_sessions,
    recordings,
    requests,
)
from crm.actor import SYSTEM, Actor
from crm.models import AuditEntry, Contact, LiveSession, Mention, ServiceRequest, Staff
from media.sealed import SealedWriter
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in
from tests.bots.web.desk_people import a_talk, utc_now

__all__ = ["browser_of", "company", "desk_server", "signed_in"]


async def a_matter() -> ServiceRequest:
    talk = await a_talk(utc_now())
    return await requests.open(
        SYSTEM, talk.contact_id, conversation_id=talk.id, product_text="드럼세탁기",
        symptom="배수가 안 돼요", now=utc_now(),
    )  # fmt: skip


async def seojun() -> Actor:
    staff = await Staff.get(login="seojun")
    return Actor("staff", staff.id, staff.role, staff.name)


async def a_finished_call(request: ServiceRequest, now: datetime) -> LiveSession:
    """A call about the request that lasted seven minutes, with a summary suggested."""
    agent = await seojun()
    made = await live_asking.create(agent, request.contact_id, request_id=request.id, now=now)
    await live_sessions.wait(made.customer.id, now)
    await live_people.take(agent, made.session.id, now=now)
    said = "customer: 배수 필터가 막혔어요.\nstaff: 청소해 보세요.\ncustomer: 이제 잘 되네요."
    await live_after.transcribed(made.session.id, said, now=now)
    return await live_sessions.end(made.session.id, agent, now=now + timedelta(minutes=7))


async def test_inviting_opens_a_call_page_with_the_request_beside(signed_in: Staffed) -> None:
    request = await a_matter()
    browser = await signed_in("seojun")
    made = await browser.act("live_start", contact=request.contact_id, request=request.id)
    page = await browser.page(f"/desk/calls/{made['id']}/room")
    assert request.number in page
    assert "/call/" in page
    listed = await browser.page("/desk/calls")
    assert f'href="/desk/calls/{made["id"]}/room"' in listed
    assert "영상 상담" in await browser.page(f"/desk/requests/{request.id}")


async def test_a_colleague_takes_the_same_place_from_another_browser(signed_in: Staffed) -> None:
    request = await a_matter()
    first, second = await signed_in("seojun"), await signed_in("seojun")
    made = await first.act("live_start", contact=request.contact_id)
    for browser in (first, second):
        assert '"side":"staff"' in await browser.page(f"/desk/calls/{made['id']}/room")


async def test_an_arranged_call_is_told_apart_and_can_be_called_off(signed_in: Staffed) -> None:
    request = await a_matter()
    browser = await signed_in("seojun")
    at = (utc_now() + timedelta(days=1)).isoformat()
    made = await browser.act("live_start", contact=request.contact_id, purpose="explain", at=at)
    assert "예약" in await browser.page("/desk/calls")
    await browser.act("live_cancel", live=made["id"])
    assert (await LiveSession.get(id=made["id"])).status == "cancelled"


async def test_an_invited_colleague_is_called_by_a_mention(signed_in: Staffed) -> None:
    request = await a_matter()
    browser = await signed_in("seojun")
    made = await browser.act("live_start", contact=request.contact_id)
    yuna = await Staff.get(login="yuna")
    assert (await browser.act("live_invite", live=made["id"], staff=yuna.id))["said"]
    assert await Mention.filter(staff_id=yuna.id).count() == 1
    guest = await browser.act("live_guest", live=made["id"], name="제조사 기사")
    assert guest["path"].startswith("/call/")


async def test_a_renewed_link_is_another_link(signed_in: Staffed) -> None:
    request = await a_matter()
    made = await live_asking.create(await seojun(), request.contact_id, now=utc_now())
    before = live_links.path_of(made.customer)
    browser = await signed_in("seojun")
    await browser.act("live_renew", live=made.session.id)
    await made.customer.refresh_from_db()
    assert live_links.path_of(made.customer) != before


async def test_the_record_shows_what_was_said_and_one_tap_confirms_it(signed_in: Staffed) -> None:
    request = await a_matter()
    session = await a_finished_call(request, utc_now() - timedelta(hours=1))
    browser = await signed_in("seojun")
    page = await browser.page(f"/desk/calls/{session.id}")
    assert "배수 필터" in page
    assert "7분" in page
    await browser.act("live_confirm", live=session.id, parts=True, category=True)
    assert (await LiveSession.get(id=session.id)).summary_state == "confirmed"
    assert "배수 필터" in await browser.page(f"/desk/requests/{request.id}")


async def test_what_a_customer_without_a_name_said_stands_beside_words_for_that(signed_in: Staffed) -> None:
    request, now = await a_matter(), utc_now()
    agent = await seojun()
    made = await live_asking.create(agent, request.contact_id, request_id=request.id, now=now)
    await live_sessions.wait(made.customer.id, now)
    await live_people.take(agent, made.session.id, now=now)
    await live_chat.say(made.customer, made.session, "one", "물이 새요", actor=None, files_of=[], now=now)
    await Contact.filter(id=request.contact_id).update(name="")
    await live_sessions.end(made.session.id, agent, now=now + timedelta(minutes=1))
    page = await (await signed_in("seojun")).page(f"/desk/calls/{made.session.id}")
    line = page[page.index('data-kind="chat"') :]
    assert "이름 모름" in line[: line.index("물이 새요")]


async def test_a_recording_streams_by_ranges_to_who_may_see_it(signed_in: Staffed, tmp_path: Path) -> None:
    request = await a_matter()
    now = utc_now() - timedelta(hours=1)
    agent = await seojun()
    made = await live_asking.create(agent, request.contact_id, now=now)
    await live_sessions.wait(made.customer.id, now)
    await live_people.take(agent, made.session.id, now=now)
    number, key = await recordings.open_(made.session.id, now=now)
    plain = bytes(range(256)) * 600  # more than two chunks
    with (tmp_path / "sealed").open("wb") as file:
        writer = SealedWriter(file, key)
        writer.write(plain)
        digest = writer.close()
    kept = await recordings.keep(
        recordings.Segment(
            number, made.customer.id, "camera", tmp_path / "sealed", 1, len(plain), digest, now, 60_000
        )
    )
    assert kept is not None
    await live_sessions.end(made.session.id, agent, now=now + timedelta(minutes=1))
    mine, theirs = await signed_in("seojun"), await signed_in("mari")
    assert f"/desk/calls/files/{kept.id}" in await mine.page(f"/desk/calls/{made.session.id}")
    assert await AuditEntry.filter(act="recording.viewed").count() == 1
    address = f"/desk/calls/files/{kept.id}"
    whole = await mine.client.get(address)
    assert (whole.status, await whole.read()) == (200, plain)
    part = await mine.client.get(address, headers={"Range": "bytes=65530-65545"})
    assert (part.status, await part.read()) == (206, plain[65530:65546])
    assert part.headers["Content-Range"] == f"bytes 65530-65545/{len(plain)}"
    assert (await theirs.client.get(address)).status == 403
    asked = await mine.client.post(
        f"/desk/api/calls/{made.session.id}/export", headers={"X-CSRF-Token": mine.csrf}
    )
    assert (await asked.json())["state"] == "waiting"


async def test_the_company_decides_wait_retention_and_rate(signed_in: Staffed) -> None:
    browser = await signed_in("yuna")
    await browser.act("live_policy", wait_minutes=10, rate_minor=600)
    await browser.act("live_policy", keep_days=30)
    kept = (await profile.get()).settings["live"]
    assert kept == {"wait_minutes": 10, "rate_minor": 600, "keep_days": 30}
    assert (await browser.try_act("live_policy", keep_days=0))[0] == 422
    assert 'value="600"' in await browser.page("/desk/admin/profile")
