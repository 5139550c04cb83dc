"""The command palette: what it offers to whom, where words lead, and what an act of it does."""

import json
from typing import Any

from crm import conversations, knowledge, requests
from crm.actor import SYSTEM
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in
from tests.bots.web.desk_people import Browser, Company, a_talk, utc_now

__all__ = ["browser_of", "company", "desk_server", "signed_in"]


async def lines(browser: Browser, query: str = "", conversation: int = 0) -> list[dict[str, Any]]:
    found = await browser.page(f"/desk/api/palette?q={query}&conversation={conversation}")
    return [item for group in json.loads(found)["groups"] for item in group["items"]]


async def test_half_typed_words_narrow_the_commands_of_the_open_conversation(
    company: Company, signed_in: Staffed
) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("seojun")
    labels = [line["label"] for line in await lines(browser, "배저", talk.id)]
    assert labels[0] == "배정: 이서준"
    assert all(label.startswith("배정: ") for label in labels)
    assert not [line for line in await lines(browser, "배정") if line["act"] == "assign"]


async def test_what_a_line_carries_is_done_by_the_act_of_its_name(
    company: Company, signed_in: Staffed
) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("seojun")
    (line,) = [line for line in await lines(browser, "배정 이서준", talk.id) if line["act"] == "assign"]
    await browser.act(line["act"], **line["args"])
    header = await conversations.header(company.seojun, talk.id)
    assert header["assignee_id"] == company.seojun.id


async def test_words_lead_to_the_contact_their_talk_and_their_request_and_a_number_to_its_own(
    company: Company, signed_in: Staffed
) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("seojun")
    opened = await requests.open(SYSTEM, talk.contact_id, symptom="물이 새요", now=utc_now())
    wanted = {
        f"/desk/contacts/{talk.contact_id}",
        f"/desk/conversations/{talk.id}",
        f"/desk/requests/{opened.id}",
    }
    assert wanted <= {line["href"] for line in await lines(browser, "김ㅁ")}
    assert [line["href"] for line in await lines(browser, opened.number) if "requests/" in line["href"]] == [
        f"/desk/requests/{opened.id}"
    ]


async def test_an_article_is_found_by_part_of_its_title_in_the_readers_language(signed_in: Staffed) -> None:
    await knowledge.save(SYSTEM, slug="filter", title="정수기 필터", body="왼쪽으로 돌려요.", now=utc_now())
    browser = await signed_in("seojun")
    assert [line["label"] for line in await lines(browser, "필터")] == ["정수기 필터"]


async def test_who_may_not_write_is_offered_no_act_on_a_conversation(
    company: Company, signed_in: Staffed
) -> None:
    talk = await a_talk(utc_now())
    browser = await signed_in("mari")
    offered = await lines(browser, "", talk.id)
    assert offered
    assert {line["act"] for line in offered} <= {"", "presence"}


async def test_a_stranger_gets_nothing(browser_of: Any, company: Company) -> None:
    assert (await browser_of().client.get("/desk/api/palette?q=a")).status == 401
