"""The request board, one request, callbacks."""

from crm import callbacks, requests
from crm.actor import SYSTEM
from crm.models import AuditEntry, Callback, Conversation, ServiceRequest
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in
from tests.bots.web.desk_people import a_talk, utc_now

__all__ = ["browser_of", "company", "desk_server", "signed_in"]


async def a_request(talk: Conversation, symptom: str = "배수가 안 돼요") -> ServiceRequest:
    given = {"product_text": "드럼세탁기", "symptom": symptom}
    return await requests.open(SYSTEM, talk.contact_id, conversation_id=talk.id, now=utc_now(), **given)


async def test_a_card_moves_and_the_way_back_is_offered(signed_in: Staffed) -> None:
    request = await a_request(await a_talk(utc_now()))
    browser = await signed_in("seojun")
    done = await browser.act("request_status", request=request.id, status="in_progress")
    assert done["said"] == f"{request.number}을 ‘처리 중’으로 바꾸고 고객에게 알렸어요"
    moved = await browser.act("request_status", request=request.id, status="waiting_customer")
    await browser.act(moved["undo"]["act"], **moved["undo"]["args"])
    assert (await ServiceRequest.get(id=request.id)).status == "in_progress"


async def test_a_card_that_moved_meanwhile_is_not_moved_blindly(signed_in: Staffed) -> None:
    request = await a_request(await a_talk(utc_now()))
    version = (await ServiceRequest.get(id=request.id)).version
    seojun, yuna = await signed_in("seojun"), await signed_in("yuna")
    await yuna.act("request_status", request=request.id, status="in_progress", version=version)
    status, body = await seojun.try_act(
        "request_status", request=request.id, status="cancelled", reason="두 번 접수됨", version=version
    )
    assert status == 409
    assert body["reason"] == "changed_meanwhile"
    assert "그 사이 다른 사람이 바꿨어요" in body["text"]


async def test_cancelling_asks_why(signed_in: Staffed) -> None:
    request = await a_request(await a_talk(utc_now()))
    browser = await signed_in("seojun")
    status, body = await browser.try_act("request_status", request=request.id, status="cancelled")
    assert status == 422
    assert body["fields"] == {"reason": "꼭 적어 주세요."}


async def test_the_board_counts_filters_and_finds(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    first, second = await a_request(talk), await a_request(talk, "문이 안 닫혀요")
    browser = await signed_in("seojun")
    await browser.act("request_priority", request=second.id, priority="urgent")
    board = await browser.page("/desk/requests", "board")
    assert first.number in board
    assert second.number in board
    urgent = await browser.page("/desk/requests?priority=urgent", "board")
    assert first.number not in urgent
    found = await browser.page("/desk/requests?q=문이", "board")
    assert second.number in found
    assert first.number not in found
    assert second.number in await browser.page("/desk/requests?layout=list")
    for odd in ("?team=x&staff=y&priority=z&visit=soon", "?staff=none", "?visit=2026-11-24"):
        await browser.page(f"/desk/requests{odd}")


async def test_a_request_shows_its_history_comments_links_and_parts(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    request, other = await a_request(talk), await a_request(talk, "문이 안 닫혀요")
    browser = await signed_in("seojun")
    await browser.act("request_comment", request=request.id, text="부품을 주문했어요")
    await browser.act("request_link", request=request.id, number=other.number[-3:], kind="duplicate")
    part = await browser.act("request_split", request=request.id, symptom="소음도 나요")
    await browser.act("request_amend", request=request.id, symptom="배수 필터가 막혔어요")
    page = await browser.page(f"/desk/requests/{request.id}")
    for shown in ("부품을 주문했어요", other.number, part["number"], "배수 필터가 막혔어요"):
        assert shown in page
    status, body = await browser.try_act("request_link", request=request.id, number="SR-2020-000999")
    assert status == 422
    assert "number" in body["fields"]


async def test_a_request_is_opened_from_the_conversation(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("seojun")
    form = await browser.page(f"/desk/requests/new?contact={talk.contact_id}&conversation={talk.id}", "form")
    assert "김민지" in form
    made = await browser.act(
        "request_open", contact=talk.contact_id, conversation=talk.id, symptom="물이 새요", priority="high"
    )
    request = await ServiceRequest.get(id=made["id"])
    assert (request.conversation_id, request.phone) == (talk.id, "+821012342481")
    side = await browser.page(f"/desk/conversations/{talk.id}", "open")
    assert made["number"] in side


async def test_the_callback_queue_tells_the_number_when_it_is_dialled(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    await callbacks.request(SYSTEM, talk.contact_id, phone="+821012342481", topic="필터 값", now=utc_now())
    callback = await Callback.get()
    browser = await signed_in("seojun")
    queue = await browser.page("/desk/callbacks")
    assert "필터 값" in queue
    assert "1234-2481" not in queue
    assert (await browser.act("callback_reveal", callback=callback.id))["value"] == "010-1234-2481"
    assert await AuditEntry.filter(act="contact.revealed", subject="callback").count() == 1


async def test_a_try_that_reached_nobody_comes_back_and_the_third_gives_up(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("seojun")
    made = await browser.act("callback_request", contact=talk.contact_id, topic="설치 문의")
    for _ in range(3):
        await browser.act("callback_attempt", callback=made["id"], outcome="no_answer", note="안 받음")
    assert (await Callback.get(id=made["id"])).status == "given_up"
    assert "설치 문의" in await browser.page("/desk/callbacks?state=given_up")
    status, body = await browser.try_act("callback_attempt", callback=made["id"], outcome="reached")
    assert (status, body["reason"]) == (409, "not_due")


async def test_the_contact_page_tells_everything_known(signed_in: Staffed) -> None:
    talk = await a_talk(utc_now())
    request = await a_request(talk)
    browser = await signed_in("seojun")
    page = await browser.page(f"/desk/contacts/{talk.contact_id}")
    for shown in (request.number, "010-••••-2481", "세탁기에서 물이 안 빠져요"):
        assert shown in page
    rows = await browser.page("/desk/contacts?q=김민", "list")
    assert "김민지" in rows
    status, body = await browser.try_act("contact_update", contact=talk.contact_id, phone="12")
    assert status == 422
    assert body["fields"]["phone"].startswith("전화번호를 확인해 주세요")
