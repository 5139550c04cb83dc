"""Pages anyone may open: their headers, languages, articles, and the demo's one-click login."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from bots.web.pages import blocks
from crm import company, hours
from crm.actor import SYSTEM
from crm.models import Article, Session, Staff
from tests.bots.web.chat_page import Client

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
LOOPBACK = {"Host": "127.0.0.1"}


@pytest.mark.parametrize("path", ["/", "/chat", "/privacy", "/kb/missing"])
async def test_a_page_allows_no_script_but_its_own(front: Client, path: str) -> None:
    answer = await front.get(path)
    policy, text = answer.headers["Content-Security-Policy"], await answer.text()
    nonce = re.search(r"script-src 'self' 'nonce-([^']+)'", policy)
    assert "unsafe" not in policy
    assert nonce
    for tag in re.findall(r"<script\b[^>]*>", text):
        assert "src=" in tag or f'nonce="{nonce[1]}"' in tag
    assert not re.search(r'\son\w+="|style="|javascript:', text)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"


async def test_only_listed_sites_may_frame_the_chat(front: Client) -> None:
    chat, privacy = await front.get("/chat"), await front.get("/privacy")
    assert "frame-ancestors 'self' https://shop.example" in chat.headers["Content-Security-Policy"]
    assert privacy.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")


async def test_other_sites_may_load_the_launcher(front: Client) -> None:
    answer = await front.get("/chat.js")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.content_type == "text/javascript"


@pytest.mark.parametrize(
    ("query", "header", "lang"),
    [
        ("", "ko-KR,ko;q=0.9", "ko"),
        ("", "en-GB,en;q=0.9,ko;q=0.1", "en"),
        ("?lang=en", "ko", "en"),
        ("", "fr", "ko"),
    ],
)
async def test_the_page_speaks_the_readers_language(
    front: Client, query: str, header: str, lang: str
) -> None:
    answer = await front.get(f"/chat{query}", headers={"Accept-Language": header})
    assert f'<html lang="{lang}"' in await answer.text()


async def test_the_start_says_when_people_are_there(front: Client) -> None:
    await company.ensure("새봄가전", "Saebom")
    text = await (await front.get("/chat?lang=ko")).text()
    assert "상담원은 평일 오전 9시부터 오후 6시까지 있어요." in text
    assert "새봄가전" in text
    week = [[hours.Span(0, 1440)] for _ in range(7)]
    await hours.replace(SYSTEM, None, week, now=datetime.now(UTC))
    assert "상담원은 평일 하루 종일 있어요." in await (await front.get("/chat?lang=ko")).text()
    assert "Our people are here all day on weekdays." in await (await front.get("/chat?lang=en")).text()


async def test_static_files_are_revalidated(front: Client) -> None:
    first = await front.get("/static/chat/main.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again = await front.get("/static/chat/main.js", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status == 304
    icons = await front.get("/static/icons.svg?v=1")
    assert "immutable" in icons.headers["Cache-Control"]  # they show offline too


async def test_an_article_is_shown_with_its_lists_and_nothing_of_its_markup(front: Client) -> None:
    await Article.create(
        slug="e21", title="E21 <배수>",
        body="멈췄나요?\n\n1. 전원을 끄세요\n2. 덮개를 여세요\n\n- <b>주의</b>",
        created_at=AT, updated_at=AT,
    )  # fmt: skip
    text = await (await front.get("/kb/e21?lang=ko")).text()
    assert "E21 &lt;배수&gt;" in text
    assert "<ol><li>전원을 끄세요</li><li>덮개를 여세요</li></ol>" in text
    assert "<ul><li>&lt;b&gt;주의&lt;/b&gt;</li></ul>" in text
    assert (await Article.get()).views == 1


async def test_an_unpublished_article_is_not_found(front: Client) -> None:
    await Article.create(slug="draft", title="초안", body="", published=False, created_at=AT, updated_at=AT)
    answer = await front.get("/kb/draft")
    assert answer.status == 404
    assert "채팅으로 물어보기" in await answer.text()


def test_text_becomes_paragraphs_lists_and_steps() -> None:
    assert blocks("하나\n둘\n\n- 가\n- 나\n3. 셋\n\n\n끝") == [
        ("p", ["하나", "둘"]),
        ("ul", ["가", "나"]),
        ("ol", ["셋"]),
        ("p", ["끝"]),
    ]


async def test_the_companys_own_notice_replaces_the_plain_one(front: Client) -> None:
    profile = await company.ensure("새봄가전", "Saebom")
    assert "지워 달라고 하실 때까지" in await (await front.get("/privacy?lang=ko")).text()
    profile.privacy_notice = "우리만의 안내예요."
    await profile.save()
    assert "우리만의 안내예요." in await (await front.get("/privacy?lang=ko")).text()


# -- the demo


async def a_demo_staff(login: str = "seojun", *, demo: bool = True) -> Staff:
    return await Staff.create(login=login, name="이서준", role="agent", demo=demo, created_at=AT)


async def become(front: Client, login: str, headers: dict[str, str]) -> int:
    page = await front.get("/", headers=LOOPBACK)
    csrf = re.search(r'name="csrf" content="([^"]+)"', await page.text())
    assert csrf
    answer = await front.post(
        "/demo/login", data={"login": login}, headers={"X-CSRF-Token": csrf[1], **headers}
    )
    return answer.status


async def test_one_click_makes_a_demo_staff_member(front: Client) -> None:
    await a_demo_staff()
    assert await become(front, "seojun", LOOPBACK) == 200
    assert await Session.all().count() == 1


@pytest.mark.parametrize(
    ("login", "headers", "status"),
    [
        ("seojun", {**LOOPBACK, "X-CSRF-Token": "guess"}, 403),
        ("seojun", {**LOOPBACK, "Sec-Fetch-Site": "cross-site"}, 403),
        ("seojun", {"Host": "dangol.example"}, 404),
        ("seojun", {**LOOPBACK, "X-Forwarded-For": "203.0.113.9"}, 404),
        ("real", LOOPBACK, 404),
        ("nobody", LOOPBACK, 404),
    ],
)
async def test_nobody_else_becomes_staff(
    front: Client, login: str, headers: dict[str, str], status: int
) -> None:
    await a_demo_staff()
    await a_demo_staff("real", demo=False)
    assert await become(front, login, headers) == status
    assert await Session.all().count() == 0


async def test_without_the_demo_company_the_front_door_is_plain(db: str, serve: Any) -> None:
    await a_demo_staff()
    async with serve(demo=False) as front:
        text = await (await front.get("/", headers=LOOPBACK)).text()
        assert "seojun" not in text
        assert 'href="/desk"' in text
        assert (await front.post("/demo/login", data={"login": "seojun"}, headers=LOOPBACK)).status == 404
