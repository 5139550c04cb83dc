"""Knowledge articles: written by staff, found by code, word and syllables, quoted, never invented."""

from datetime import datetime

import pytest

from crm import knowledge
from crm.actor import SYSTEM
from crm.article_keys import keys_of
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.models import Article, ArticleKey
from tests.crm.makers import a_staff

ARTICLES = [
    ("washer-e21", "ko", "error_code", "드럼세탁기 E21: 물이 빠지지 않을 때", "세탁기",
     ["E21", "배수", "물이 안 빠져요"],
     "E21은 배수가 되지 않는다는 표시예요.\n\n"
     "1. 전원을 끄고 앞면 아래 덮개를 여세요.\n2. 배수 필터를 돌려 빼고 헹구세요.\n\n"
     "필터를 청소해도 E21이 다시 뜨면 수리 접수를 해 주세요."),
    ("washer-e21", "en", "error_code", "Drum washer E21: water does not drain", "세탁기", ["E21", "drain"],
     "E21 means that water cannot drain.\n\n"
     "1. Switch it off and open the flap below.\n2. Rinse the drain filter."),
    ("fridge-noise", "ko", "usage", "냉장고에서 소리가 날 때", "냉장고", ["소음"],
     "냉장고를 벽에서 10cm 띄우고 수평을 맞춰 주세요."),
    ("repair-price", "ko", "repair_price", "출장비와 수리비", "", ["수리비", "출장비", "비용"],
     "출장비는 22,000원이에요.\n\n부품값은 제품마다 달라요."),
    ("hours", "ko", "hours", "상담 시간과 휴일", "", ["영업시간", "운영시간"],
     "평일 오전 9:00–오후 6:00에 상담해요."),
    ("purifier-filter", "ko", "usage", "정수기 필터 바꾸기", "정수기", ["필터 교체"],
     "필터는 6개월마다 바꿔요.\n\n물을 잠그고 필터를 왼쪽으로 돌리세요."),
]  # fmt: skip


async def written(now: datetime) -> None:
    for slug, locale, kind, title, category, keywords, body in ARTICLES:
        await knowledge.save(
            SYSTEM, slug=slug, locale=locale, title=title, body=body, kind=kind,
            product_category=category, keywords=keywords, now=now,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("question", "slug"),
    [
        ("E21 떠요", "washer-e21"),
        ("세탁기에 e-21 이라고 나와요", "washer-e21"),
        ("세탁기 물이 안 빠져요", "washer-e21"),
        ("냉장고 소음이 심해요", "fridge-noise"),
        ("수리비 얼마예요?", "repair-price"),
        ("출장비가 궁금해요", "repair-price"),
        ("영업시간 알려주세요", "hours"),
        ("정수기 필터 어떻게 바꿔요?", "purifier-filter"),
    ],
)
async def test_a_question_finds_its_article(db: str, now: datetime, question: str, slug: str) -> None:
    await written(now)
    hits = await knowledge.search(question)
    assert hits
    assert hits[0].article.slug == slug
    assert hits[0].url == f"/kb/{slug}"


@pytest.mark.parametrize(
    "question",
    ["E99 떠요", "오늘 날씨 어때요?", "피자 주문할게요", "주식 추천해 주세요", "", "어떻게 해요?", "ㅋㅋㅋ"],
)
async def test_no_article_is_better_than_a_wrong_one(db: str, now: datetime, question: str) -> None:
    await written(now)
    assert await knowledge.search(question) == []


async def test_the_passage_that_answers_is_quoted(any_db: str, now: datetime) -> None:
    await written(now)
    (hit, *_) = await knowledge.search("정수기 필터 왼쪽으로 돌리나요?")
    assert hit.quote == "물을 잠그고 필터를 왼쪽으로 돌리세요."
    (hit, *_) = await knowledge.search("E21 다시 뜨면요? 필터 청소했어요")
    assert hit.quote.startswith("필터를 청소해도")


async def test_english_is_answered_in_english(db: str, now: datetime) -> None:
    await written(now)
    (hit,) = await knowledge.search("My washer shows E21", locale="en")
    assert (hit.article.locale, hit.url) == ("en", "/kb/washer-e21?lang=en")
    assert (await knowledge.search("the water is not draining", locale="en"))[0].article.slug == "washer-e21"


async def test_kinds_narrow_and_a_kind_can_be_asked_for_directly(db: str, now: datetime) -> None:
    await written(now)
    assert await knowledge.search("E21 떠요", kinds=["usage"]) == []
    assert [h.article.slug for h in await knowledge.of_kind("hours")] == ["hours"]


async def test_withdrawn_articles_are_not_found(db: str, now: datetime) -> None:
    await written(now)
    article = await knowledge.get("washer-e21")
    await knowledge.publish(SYSTEM, article.id, False, now=now)
    assert await knowledge.search("E21 떠요") == []
    assert (await knowledge.get("washer-e21")).locale == "en"  # the translation is still there
    with pytest.raises(NotFound):
        await knowledge.get("nothing")


async def test_saving_counts_versions_keeps_the_editor_and_finds_new_words(
    any_db: str, now: datetime
) -> None:
    editor = await a_staff(now)
    values = {"slug": "hours", "title": "상담 시간", "kind": "hours"}
    first = await knowledge.save(editor, body="평일에 상담해요.", expected_version=0, now=now, **values)  # type: ignore[arg-type]
    again = await knowledge.save(
        editor,
        body="토요일에도 상담해요.",
        keywords=["주말 상담"],
        expected_version=1,
        now=now,
        **values,  # type: ignore[arg-type]
    )
    assert (first.id, again.version, again.editor_id) == (again.id, 2, editor.id)  # type: ignore[attr-defined]
    assert (await knowledge.search("주말 상담 하나요?"))[0].article.id == first.id
    assert await ArticleKey.filter(key="평일").count() == 0
    with pytest.raises(Conflict, match="newer_version"):
        await knowledge.save(editor, body="x", expected_version=1, now=now, **values)  # type: ignore[arg-type]
    await knowledge.publish(editor, first.id, False, now=now)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="newer_version"):  # who has it open would publish it again
        await knowledge.save(editor, body="x", expected_version=2, now=now, **values)  # type: ignore[arg-type]


async def test_a_wrong_article_names_its_field_and_sales_do_not_write(db: str, now: datetime) -> None:
    good = {"slug": "a", "title": "제목", "body": "본문"}
    for field, value in (("slug", "A b"), ("title", ""), ("kind", "poem"), ("body", " ")):
        with pytest.raises(Invalid) as wrong:
            await knowledge.save(SYSTEM, now=now, **{**good, field: value})  # type: ignore[arg-type]
        assert wrong.value.field == field
    with pytest.raises(Forbidden):
        await knowledge.save(await a_staff(now, role="sales"), now=now, **good)  # type: ignore[arg-type]
    assert await Article.all().count() == 0


def test_keys_ignore_particles_endings_case_and_width() -> None:
    assert keys_of("필터를") == keys_of("필터") == keys_of("필터가")
    assert keys_of("Ｅ２１") == keys_of("e-21") == {"code:e21"}
    assert keys_of("leaking") == keys_of("leaks") == keys_of("Leaked")
    assert keys_of("어떻게 하나요?") == set()


async def test_the_list_goes_on_where_the_page_before_ended(any_db: str, now: datetime) -> None:
    await written(now)
    whole = (await knowledge.list_articles()).items
    seen: list[int] = []
    after: int | None = None
    while after is not None or not seen:
        page = await knowledge.list_articles(after=after, limit=2)
        seen += [each.id for each in page.items]
        after = page.next
        if after is None:
            break
    assert seen == [each.id for each in whole]
    assert [(each.kind, each.title) for each in whole] == sorted((each.kind, each.title) for each in whole)
    assert {each.slug for each in (await knowledge.list_articles(query="e21", limit=1)).items} == {
        "washer-e21"
    }
