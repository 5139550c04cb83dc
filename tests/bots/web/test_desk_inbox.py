"""The three panes: lists, one conversation, acts on one and on several."""

import logging
from datetime import timedelta
from io import BytesIO

import pytest
from aiohttp import FormData
from PIL import Image

from crm import conversations, inbox, outbox, requests, thread_edits
from crm.actor import SYSTEM
from crm.inbox import Inbound
from crm.models import AuditEntry, CannedReply, Conversation, Label, Message, Staff, Team, TrainingCandidate
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in
from tests.bots.web.desk_people import Company, a_talk, utc_now

__all__ = ["browser_of", "company", "desk_server", "signed_in"]


async def test_what_nobody_has_waits_among_the_unassigned(company: Company, signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    await conversations.assign(company.yuna, talk.id, None, None, utc_now())
    browser = await signed_in("seojun")
    assert "김민지" in await browser.page("/desk/conversations?view=unassigned", "list")
    assert "김민지" not in await browser.page("/desk/conversations?view=mine", "list")


async def test_taking_the_next_one_makes_it_mine(company: Company, signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    await conversations.assign(company.yuna, talk.id, None, None, utc_now())
    browser = await signed_in("seojun")
    assert (await browser.act("take_next"))["conversation"] == talk.id
    assert (await browser.act("take_next"))["conversation"] is None
    assert "김민지" in await browser.page("/desk/conversations?view=mine", "list")


async def test_the_search_finds_half_a_name_a_phone_and_a_text(signed_in: Staffed) -> None:
    await a_talk(utc_now())
    await a_talk(utc_now(), "박도윤", "정수기 필터")
    browser = await signed_in("seojun")
    for query in ("김ㅁ", "2481"):
        assert "김민지" in await browser.page(f"/desk/conversations?view=all&q={query}", "list")
    found = await browser.page("/desk/conversations?view=all&q=박도", "list")
    assert "박도윤" in found
    assert "김민지" not in found


async def test_the_filter_narrows_to_a_channel_and_to_what_the_bot_holds(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("seojun")
    path = "/desk/conversations?view=all&filter="
    assert "김민지" in await browser.page(path + "owner=bot", "list")
    assert "김민지" in await browser.page(path + "channel=web", "list")
    assert "김민지" not in await browser.page(path + "channel=kakao", "list")
    await browser.act("take", conversation=talk.id)
    assert "김민지" not in await browser.page(path + "owner=bot", "list")


async def test_a_bot_held_conversation_offers_to_take_it_over(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("seojun")
    before = await browser.page(f"/desk/conversations/{talk.id}", "open")
    assert "상담봇이 답하고 있어요" in before
    assert 'data-do="take"' in before
    await browser.act("take", conversation=talk.id)
    after = await browser.page(f"/desk/conversations/{talk.id}", "open")
    assert "내가 응대 중" in after
    assert 'data-do="hand_back"' in after


async def test_each_way_back_to_the_bot_is_told_in_the_thread(company: Company, signed_in: Staffed) -> None:
    talk, now = await a_talk(utc_now()), utc_now()
    browser = await signed_in("seojun")
    await conversations.take_over(company.yuna, talk.id, now)
    await conversations.hand_back(company.yuna, talk.id, now)
    await conversations.take_over(company.yuna, talk.id, now)
    await conversations.reply(company.yuna, talk.id, "네", expected_seq=None, now=now)
    assert await conversations.return_idle(now + timedelta(days=30)) == 1
    await conversations.take_over(company.yuna, talk.id, now)
    assert await conversations.request_closed(talk.id, by_staff=True, now=now)
    path = f"/desk/conversations/{talk.id}"
    ways = {
        "ko": ["한유나 님이 봇에게 넘겼어요", "조용해서 봇에게 돌아갔어요", "접수가 끝나 봇에게 돌아갔어요"],
        "en": ["handed it back", "Went back to the bot after a silence", "it went back to the bot"],
    }
    for lang, told in ways.items():
        shown = await browser.page(f"{path}?lang={lang}", "messages")
        places = [shown.find(line) for line in told]
        assert -1 not in places, (told, places)
        assert places == sorted(places)


async def test_a_reply_goes_out_and_a_note_stays_inside(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("seojun")
    await browser.act("reply", conversation=talk.id, text="안녕하세요")
    await browser.act("note", conversation=talk.id, text="@yuna 필터 확인 부탁해요")
    rows = await Message.filter(conversation_id=talk.id).order_by("seq")
    written = [(row.author, row.direction) for row in rows if row.direction in ("out", "note")]
    assert written == [("system", "out"), ("staff", "out"), ("staff", "note")]
    shown = await browser.page(f"/desk/conversations/{talk.id}", "messages")
    assert "고객에게 보이지 않음" in shown
    assert '<span class="mention">@한유나</span>' in shown


async def test_what_a_customer_writes_never_becomes_markup(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now(), "<b>김</b>", "<script>alert(1)</script>")
    browser = await signed_in("seojun")
    await browser.act("note", conversation=talk.id, text="@yuna <img src=x onerror=alert(1)>")
    page = await browser.page(f"/desk/conversations/{talk.id}")
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<b>김" not in page


async def test_sending_asks_once_more_when_a_colleague_replied_meanwhile(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    seojun, yuna = await signed_in("seojun"), await signed_in("yuna")
    seen = (await Conversation.get(id=talk.id)).message_seq
    await yuna.act("reply", conversation=talk.id, text="제가 볼게요")
    status, body = await seojun.try_act("reply", conversation=talk.id, text="네", expected_seq=seen)
    assert (status, body["reason"]) == (409, "newer_messages")
    assert "한유나" in body["text"]
    await seojun.act("reply", conversation=talk.id, text="네", expected_seq=body["values"]["seq"])
    assert await Message.filter(conversation_id=talk.id, author="staff", direction="out").count() == 2


async def test_several_conversations_close_at_once_and_the_undo_reopens_them(signed_in: Staffed) -> None:
    ids = [(await a_talk(utc_now(), name)).id for name in ("김민지", "박도윤")]
    browser = await signed_in("seojun")
    await browser.act("take", conversation=ids[0])
    done = await browser.act("close", conversations=ids)
    assert done["said"] == "2건을 끝냈어요"
    assert await Conversation.filter(status="closed").count() == 2
    await browser.act(done["undo"]["act"], **done["undo"]["args"])
    reopened = await Conversation.filter(status="open").order_by("id").values_list("owner", "assignee__login")
    assert reopened == [("staff", "seojun"), ("bot", None)]


async def test_labels_snoozing_and_assigning_work_in_bulk(company: Company, signed_in: Staffed) -> None:
    ids = [(await a_talk(utc_now(), name)).id for name in ("김민지", "박도윤")]
    browser = await signed_in("seojun")
    label = await Label.get(name="불만")
    await browser.act("label", conversations=ids, label=label.id)
    await browser.act("assign", conversations=ids, staff=company.yuna.id)
    until = (utc_now() + timedelta(hours=1)).isoformat()
    await browser.act("snooze", conversations=ids, until=until)
    snoozed = await browser.page("/desk/conversations?view=snoozed", "list")
    assert snoozed.count("불만") == 2
    assert await Conversation.filter(status="snoozed", assignee_id=company.yuna.id).count() == 2


async def test_work_is_given_to_a_person_or_to_a_team_in_words_that_fit(
    company: Company, signed_in: Staffed
) -> None:
    talk, team = await a_talk(utc_now()), await Team.all().order_by("id").first()
    browser = await signed_in("seojun")
    assert team is not None
    given = [{"staff": company.yuna.id}, {"team": team.id}, {}]
    said = [(await browser.act("assign", conversations=[talk.id], **to))["said"] for to in given]
    assert said[:2] == ["한유나 님에게 맡겼어요", f"{team.name}에 맡겼어요"]
    assert team.name not in said[2]


async def test_looking_at_a_phone_number_is_recorded(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("seojun")
    page = await browser.page(f"/desk/conversations/{talk.id}")
    assert "1234-2481" not in page
    shown = await browser.act("contact_reveal", contact=talk.contact_id, field="phone")
    assert shown["value"] == "010-1234-2481"
    assert await AuditEntry.filter(act="contact.revealed", contact_id=talk.contact_id).count() == 1


async def test_a_role_without_the_right_is_told_so_in_words(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("mari")
    status, body = await browser.try_act("reply", conversation=talk.id, text="안녕하세요")
    assert status == 403
    assert body["text"] == "이 일은 내 역할로 할 수 없어요. 관리자에게 물어보세요."
    assert 'data-reveal="phone"' not in await browser.page(f"/desk/conversations/{talk.id}")


async def test_staff_say_what_a_misunderstood_message_meant(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("seojun")
    brought_in = await browser.page(f"/desk/conversations/{talk.id}")
    assert "data-meant-seq" not in brought_in  # the bot never read it
    await Message.filter(conversation_id=talk.id, direction="in").update(inbox_id=77)
    message = await Message.get(conversation_id=talk.id, direction="in")
    assert f'data-meant-seq="{message.seq}"' in await browser.page(f"/desk/conversations/{talk.id}")
    assert 'data-meant="book_visit"' in await browser.page("/desk/conversations")
    done = await browser.act("misunderstood", conversation=talk.id, seq=message.seq, intent="book_visit")
    assert done["said"] == "알려 주셔서 고마워요. 봇을 가르칠 후보로 남겼어요"
    assert (await TrainingCandidate.get(inbox_id=message.inbox_id)).intent == "book_visit"


async def test_replies_in_the_customers_language_are_offered_first(signed_in: Staffed) -> None:
    browser = await signed_in("seojun")
    for shortcut, locale in (("hello", "en"), ("인사", "ko")):
        await CannedReply.create(
            shortcut=shortcut, title=shortcut, text=shortcut, locale=locale,
            created_at=utc_now(), updated_at=utc_now(),
        )  # fmt: skip
    talk = await a_talk(utc_now())
    for locale, first in (("ko", "/인사"), ("en", "/hello")):
        await Conversation.filter(id=talk.id).update(locale=locale)
        answer = await browser.client.get(f"/desk/api/canned?conversation={talk.id}")
        offered = [item["shortcut"] for item in (await answer.json())["items"]]
        assert offered == sorted(offered, key=lambda shortcut: shortcut != first)


async def test_a_canned_reply_comes_with_the_customers_name_in_it(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    canned = await CannedReply.create(
        shortcut="인사", title="첫 인사", text="{고객}님, 안녕하세요. {담당}이에요."
    )
    browser = await signed_in("seojun")
    path = f"/desk/api/canned/{canned.id}?conversation={talk.id}"
    body = await (await browser.client.get(path)).json()
    assert body["text"] == "김민지님, 안녕하세요. 이서준이에요."


async def test_the_list_goes_on_where_a_page_ended(signed_in: Staffed) -> None:
    for number in range(32):
        await a_talk(utc_now() + timedelta(seconds=number), f"고객 {number}")
    browser = await signed_in("seojun")
    first = await browser.page("/desk/conversations?view=all", "list")
    assert first.count("row-name") == 30
    cursor = first.split('data-next="')[1].split('"')[0]
    rest = await browser.page(f"/desk/conversations?view=all&after={cursor}", "list")
    assert rest.count("row-name") == 2


async def test_an_unknown_conversation_and_an_unknown_act_are_not_found(signed_in: Staffed) -> None:
    browser = await signed_in("seojun")
    for number in ("999", "9" * 30, "٣"):
        assert (await browser.client.get(f"/desk/conversations/{number}")).status == 404
    assert (await browser.try_act("take", conversation=10**30))[0] == 422
    await browser.page("/desk/requests?team=%C2%B2&after=" + "9" * 30, "board")
    assert (await browser.try_act("fly"))[0] == 404
    assert (await browser.try_act("take", conversation="x"))[0] == 422
    assert (await browser.try_act("take", conversation=1, more=1))[0] == 422


async def test_a_longer_list_needs_no_more_statements(
    signed_in: Staffed, caplog: pytest.LogCaptureFixture
) -> None:
    browser = await signed_in("seojun")

    async def statements(path: str, part: str = "") -> int:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="tortoise.db_client"):
            await browser.page(path, part)
        return sum(record.name == "tortoise.db_client" for record in caplog.records)

    async def all_pages() -> list[int]:
        return [
            await statements("/desk/conversations?view=all", "list"),
            await statements("/desk/requests", "board"),
            await statements("/desk/contacts", "list"),
        ]

    talk = await a_talk(utc_now())
    await requests.open(SYSTEM, talk.contact_id, conversation_id=talk.id, symptom="소음", now=utc_now())
    few = await all_pages()
    for number in range(12):
        talk = await a_talk(utc_now(), f"고객 {number}")
        await requests.open(SYSTEM, talk.contact_id, conversation_id=talk.id, symptom="소음", now=utc_now())
    assert await all_pages() == few
    assert all(0 < count < 25 for count in few)


async def test_a_photo_is_described_by_who_sends_it(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    seojun, yuna = await signed_in("seojun"), await signed_in("yuna")
    form = FormData()
    picture = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(picture, "PNG")
    form.add_field("file", BytesIO(picture.getvalue()), filename="필터.png")
    sent = await seojun.client.post("/desk/api/files", data=form, headers={"X-CSRF-Token": seojun.csrf})
    token = (await sent.json())["token"]
    assert (await yuna.try_act("file_describe", token=token, description="남의 것"))[0] == 404
    await seojun.act("file_describe", token=token, description="배수 필터의 위치")
    await seojun.act("reply", conversation=talk.id, text="", files=[token])
    shown = await seojun.page(f"/desk/conversations/{talk.id}", "messages")
    assert 'alt="배수 필터의 위치"' in shown
    assert (await seojun.try_act("file_describe", token=token, description="나중에"))[0] == 404


async def test_an_english_desk_calls_colleagues_by_their_english_names_where_they_have_one(
    company: Company, signed_in: Staffed
) -> None:
    talk = await a_talk(utc_now())
    await Staff.filter(id=company.yuna.id).update(name_en="Yuna Han")
    await conversations.assign(company.yuna, talk.id, company.seojun.id, None, utc_now())
    await conversations.note(company.yuna, talk.id, "@한유나 확인 부탁해요", now=utc_now())
    browser = await signed_in("seojun")
    page = await browser.page(f"/desk/conversations/{talk.id}?lang=en")
    assert "Yuna Han gave it to 이서준" in page
    assert '<span class="mention">@Yuna Han</span>' in page
    assert "한유나 님" not in page


@pytest.mark.parametrize(
    ("fault", "words"),
    [("blocked", "고객이 이 채널에서 우리를 차단했어요"), ("400 chat not found", "400 chat not found")],
)
async def test_why_a_message_was_not_sent_stands_beside_it(
    company: Company, signed_in: Staffed, fault: str, words: str
) -> None:
    talk, now = await a_talk(utc_now()), utc_now()
    message = await conversations.reply(company.seojun, talk.id, "네", expected_seq=None, now=now)
    (claim,) = await outbox.claim("me", now)
    await outbox.dead(claim, next(i for i in claim.items if i.message_id == message.id), fault, now)
    page = await (await signed_in("seojun")).page(f"/desk/conversations/{talk.id}")
    assert f"보내지 못함: {words}" in page


async def test_an_edit_shows_what_stood_there_before_and_a_reply_what_it_answers(signed_in: Staffed) -> None:
    now = utc_now()
    said = {"channel": "telegram", "external_user": "5001", "received_at": now}
    await inbox.store(Inbound(**said, external_id="5001:1", text="월드컵로 1이에요 <b>"), now=now)
    answer = Inbound(**said, external_id="5001:2", text="여기로요", data={"quote": "어디로 <i>갈까요?"})
    stored = await inbox.store(answer, now=now)
    talk = await Conversation.get(id=stored.conversation_id)
    await thread_edits.edit(talk.identity_id, "5001:1", "월드컵로 12예요", now=now)
    page = await (await signed_in("seojun")).page(f"/desk/conversations/{talk.id}?view=all")
    assert '<summary>고치기 전 말 보기</summary><p lang="ko">월드컵로 1이에요 &lt;b&gt;</p>' in page
    assert "월드컵로 12예요" in page
    assert '<p class="msg-quote" lang="ko">어디로 &lt;i&gt;갈까요?</p>' in page
    assert page.count("고치기 전 말 보기") == 1
