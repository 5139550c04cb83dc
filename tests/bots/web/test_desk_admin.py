"""Administration and the knowledge editor."""

import re
from datetime import timedelta
from io import BytesIO
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientResponse, FormData

from bots.web import i18n
from crm import hours, knowledge
from crm.actor import SYSTEM
from crm.models import Article, CannedReply, CompanyProfile, Label, MessageTemplate, Staff, Team
from tests.bots.logged import logged
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in
from tests.bots.web.desk_people import Company, utc_now

__all__ = ["browser_of", "company", "desk_server", "signed_in"]
SEOUL = ZoneInfo("Asia/Seoul")
PAGES = ("profile", "hours", "teams", "staff", "canned", "labels", "targets", "templates")


async def test_every_page_of_the_settings_shows_to_everyone(signed_in: Staffed) -> None:
    for login in ("seojun", "yuna"):
        browser = await signed_in(login)
        for name in PAGES:
            await browser.page(f"/desk/admin/{name}")


async def test_headings_step_down_one_level_at_a_time(signed_in: Staffed) -> None:
    browser = await signed_in("yuna")
    pages = ["knowledge/new", "calls", "callbacks", "contacts", *(f"admin/{name}" for name in PAGES)]
    for path in pages:
        levels = [int(level) for level in re.findall(r"<h([1-6])\b", await browser.page(f"/desk/{path}"))]
        shown = levels[levels.index(1) :]  # the settings' own navigation stands before the page
        assert all(below - above <= 1 for above, below in pairwise(shown)), path


async def test_who_may_not_change_something_is_told_before_trying_and_the_log_tells_who_tries(
    company: Company, signed_in: Staffed
) -> None:
    browser = await signed_in("seojun")
    assert "이 역할은 보기만 할 수 있어요" in await browser.page("/desk/admin/hours")
    with logged() as told:
        status, _ = await browser.try_act("company_update", name="다른 회사")
        assert status == 403
        form = await browser.client.get(f"/desk/admin/staff/{company.seojun.id}")
        assert form.status == 403
    tried = [(line["by"], line["what"], line["needs"]) for line in told if line["event"] == "staff.refused"]
    assert tried == [
        (company.seojun.ref, "company_update", "company.write"),
        (company.seojun.ref, r"/desk/admin/staff/{id}", "staff.write"),
    ]
    assert "다른 회사" not in str(told)


@pytest.mark.parametrize("form", ["contacts/new", "requests/new", "callbacks/new", "admin/teams/new"])
async def test_a_form_opens_only_for_who_may_send_it(signed_in: Staffed, form: str) -> None:
    reader, writer = await signed_in("mari"), await signed_in("yuna")
    assert (await reader.client.get(f"/desk/{form}")).status == 403
    assert (await writer.client.get(f"/desk/{form}")).status == 200


async def test_who_changes_the_hours_sees_the_article_that_tells_customers_of_them(
    signed_in: Staffed,
) -> None:
    browser = await signed_in("yuna")
    assert "영업시간을 묻는 고객에게" not in await browser.page("/desk/admin/hours")
    made = await browser.act(
        "article_save", slug="opening-hours", title="상담과 방문 시간", body="평일 9시부터예요.", kind="hours"
    )
    page = await browser.page("/desk/admin/hours")
    assert f'<a class="link" href="/desk/knowledge/{made["id"]}">상담과 방문 시간</a>' in page


async def test_open_day_and_night_is_said_so(signed_in: Staffed) -> None:
    browser = await signed_in("yuna")
    await browser.act("hours_save", week=[[{"opens": 0, "closes": 1440}] for _ in range(7)])
    await browser.act("company_update", korean_holidays=False)
    assert "하루 종일, 날마다 열려 있어요." in await browser.page("/desk/admin/hours")
    tomorrow = utc_now().astimezone(SEOUL).date() + timedelta(days=1)
    await browser.act("day_off_add", day=tomorrow.isoformat(), name="이사")
    page = await browser.page("/desk/admin/hours")
    assert "오늘 밤 12:00에 끝나요." in page
    after = i18n.day(tomorrow + timedelta(days=1), "ko", tomorrow)
    assert f"다음 영업은 {after} 오전\u00a012:00이에요." in page


async def test_hours_that_end_before_they_start_name_their_day(signed_in: Staffed) -> None:
    browser = await signed_in("yuna")
    week: list[list[dict[str, int]]] = [[{"opens": 540, "closes": 720}] for _ in range(7)]
    week[4] = [{"opens": 780, "closes": 660}]
    status, body = await browser.try_act("hours_save", week=week)
    assert status == 422
    assert body["fields"] == {"friday.0.closes": "끝이 시작보다 빨라요"}
    week[4] = []
    await browser.act("hours_save", week=week)
    assert [len(day) for day in await hours.week_of(None)] == [1, 1, 1, 1, 0, 1, 1]


async def test_a_manager_edits_profile_teams_replies_and_labels(company: Company, signed_in: Staffed) -> None:
    browser = await signed_in("yuna")
    await browser.act("company_update", name="새봄", reply_target_minutes=10)
    assert (await CompanyProfile.get(id=1)).reply_target_minutes == 10
    team = await browser.act("team_save", name="수리팀", topics=["repair"], staff_ids=[company.seojun.id])
    assert "수리팀" in await browser.page("/desk/admin/teams")
    await browser.act("team_remove", id=team["id"])
    assert not await Team.exists(name="수리팀")
    await browser.act("canned_save", shortcut="감사", title="감사", text="고마워요, {고객}님")
    assert await CannedReply.exists(shortcut="감사")
    status, body = await browser.try_act("canned_save", shortcut="x", title="x", text="{모름}")
    assert status == 422
    assert "변수" in body["text"]
    label = await browser.act("label_save", name="견적", colour="blue")
    await browser.act("label_delete", id=label["id"])
    assert not await Label.exists(name="견적")


async def test_a_manager_keeps_the_approved_templates(signed_in: Staffed) -> None:
    browser = await signed_in("yuna")
    given = {"use": "status", "code": "KA01TP1", "text": "[#{회사}] #{상태}", "status": "approved"}
    buttons = "접수 보기 | https://help.example.com/#{경로}\n"
    made = await browser.act("template_save", **given, buttons=buttons)
    page = await browser.page("/desk/admin/templates")
    assert "KA01TP1" in page
    assert "https://help.example.com/#{경로}" in page
    assert "접수 보기 | https" in await browser.page(f"/desk/admin/templates/{made['id']}")
    status, body = await browser.try_act("template_save", **{**given, "code": "T2", "text": "#{모름}"})
    assert status == 422
    assert body["fields"]["text"].startswith("여기에서는 쓸 수 없는 변수예요: 모름. 쓸 수 있는 변수: 회사")
    assert (await browser.try_act("template_save", **{**given, "code": "T2"}))[0] == 409
    await browser.act("template_delete", id=made["id"])
    assert not await MessageTemplate.exists()
    assert (await (await signed_in("seojun")).try_act("template_save", **given))[0] == 403


async def test_only_an_administrator_adds_staff(company: Company, signed_in: Staffed) -> None:
    given = {"login": "dabin", "name": "김다빈", "role": "agent", "password": "a long password"}
    manager = await signed_in("yuna")
    assert (await manager.try_act("staff_save", **given))[0] == 403
    await Staff.filter(login="mari").update(role="admin")
    admin = await signed_in("mari")
    made = await admin.act("staff_save", **given)
    assert "김다빈" in await admin.page("/desk/admin/staff")
    await admin.act("staff_disable", id=made["id"])
    assert not (await Staff.get(id=made["id"])).active


async def test_an_article_is_written_previewed_and_published_in_both_languages(signed_in: Staffed) -> None:
    browser = await signed_in("seojun")
    made = await browser.act(
        "article_save", title="E21이 떠요", body="필터를 씻어요.\n\n1. 전원을 꺼요\n2. 덮개를 열어요",
        kind="error_code", keywords=["E21"], slug="e21", published=False, version=0,
    )  # fmt: skip
    page = await browser.page(f"/desk/knowledge/{made['id']}")
    assert "<ol><li>전원을 꺼요</li><li>덮개를 열어요</li></ol>" in page
    assert "초안" in page
    translation = await browser.page(f"/desk/knowledge/new?from={made['id']}")
    assert 'name="locale" value="en"' in translation
    await browser.act("article_publish", article=made["id"], published=True)
    assert (await Article.get(id=made["id"])).published
    status, body = await browser.try_act(
        "article_save", title="E21", body="x", slug="e21", kind="error_code", version=0
    )
    assert (status, body["reason"]) == (422, "address_taken")
    assert body["fields"] == {"slug": "이 주소를 쓰는 글이 이미 있어요. 다른 주소를 적어 주세요."}


async def test_articles_without_an_address_are_named_by_numbers_that_none_has(signed_in: Staffed) -> None:
    browser = await signed_in("seojun")
    names = []
    for title in ("하나", "둘", "셋"):
        made = await browser.act("article_save", title=title, body="x", version=0)
        names.append(made["slug"])
        if title == "둘":
            await knowledge.remove(SYSTEM, (await Article.get(title="하나")).id, now=utc_now())
    assert len(set(names)) == 3


async def test_a_form_of_a_colleague_is_saved_whole_or_not_at_all(
    company: Company, signed_in: Staffed
) -> None:
    await Staff.filter(login="mari").update(role="admin")
    browser = await signed_in("mari")
    fields = {"id": company.seojun.id, "name": "다른 이름", "role": "agent", "password": "짧아요"}
    status, body = await browser.try_act("staff_save", **fields)
    assert (status, body["reason"]) == (422, "too_short")
    assert (await Staff.get(id=company.seojun.id)).name == "이서준"


async def test_the_preview_escapes_what_is_written(signed_in: Staffed) -> None:
    browser = await signed_in("seojun")
    answer = await browser.client.post(
        "/desk/api/preview", json={"body": "<script>x</script>"}, headers={"X-CSRF-Token": browser.csrf}
    )
    assert (await answer.json())["html"] == "<p>&lt;script&gt;x&lt;/script&gt;</p>"


async def test_a_file_is_taken_by_its_content_and_refused_by_its_size(signed_in: Staffed) -> None:
    browser = await signed_in("seojun")
    head = {"X-CSRF-Token": browser.csrf}

    async def send(data: bytes) -> ClientResponse:
        form = FormData()
        form.add_field("file", BytesIO(data), filename="설명서.exe")
        return await browser.client.post("/desk/api/files", data=form, headers=head)

    ok = await send(b"%PDF-1.4\n%%EOF")
    assert (await ok.json())["type"] == "application/pdf"
    big = await send(b"%PDF" + b"x" * 1_100_000)
    assert big.status == 422
    assert (await big.json())["reason"] == "too_large"


async def test_fields_carry_their_limits_and_languages_as_written(signed_in: Staffed) -> None:
    browser = await signed_in("yuna")
    page = await browser.page("/desk/admin/profile") + await browser.page("/desk/admin/targets")
    assert 'lang="en"' in page
    assert 'min="1" max="10080" data-type="int"' in page
    assert "&#34;" not in page
