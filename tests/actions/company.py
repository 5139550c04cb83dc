"""The company that the conversations happen in: products, opening hours, colleagues, articles."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bots import catalogue
from crm import files, knowledge, products, storage, vault, zone
from crm.actor import SYSTEM, Actor
from crm.models import Contact, Product
from tests.crm.makers import a_company, a_staff, a_team

SEOUL = ZoneInfo("Asia/Seoul")
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=SEOUL).astimezone(UTC)  # in business hours
SUNDAY = datetime(2026, 11, 22, 15, 0, tzinfo=SEOUL).astimezone(UTC)  # closed until Monday 9:00

WASHER, TOP_LOADER, FRIDGE, PURIFIER = (
    "드럼세탁기 21kg",
    "통돌이세탁기 16kg",
    "양문형 냉장고 800L",
    "직수 정수기",
)
_PRODUCTS = [
    ("W21", WASHER, "21 kg drum washer", "세탁기", "washing machine"),
    ("W16", TOP_LOADER, "16 kg top loader", "세탁기", "washing machine"),
    ("F800", FRIDGE, "800 L fridge", "냉장고", "fridge"),
    ("P1", PURIFIER, "Direct water purifier", "정수기", "water purifier"),
]
_ARTICLES = [
    (
        "washer-e21", "ko", "error_code", "드럼세탁기 E21: 물이 빠지지 않을 때", "세탁기", ["E21", "배수"],
        "E21은 배수가 되지 않는다는 표시예요.\n\n1. 전원을 끄세요.\n2. 배수 필터를 헹구세요.",
    ),
    (
        "washer-e21", "en", "error_code", "Drum washer E21: water does not drain", "세탁기", ["E21", "drain"],
        "E21 means that water cannot drain.\n\n1. Switch it off.\n2. Rinse the drain filter.",
    ),
    (
        "purifier-filter", "ko", "usage", "정수기 필터 바꾸기", "정수기", ["필터 교체"],
        "필터는 6개월마다 바꿔요.\n\n물을 잠그고 필터를 왼쪽으로 돌리세요.",
    ),
    (
        "repair-price", "ko", "repair_price", "출장비와 수리비", "", ["수리비", "출장비", "비용"],
        "출장비는 22,000원이에요.\n\n부품값은 제품마다 달라요.",
    ),
    (
        "repair-price", "en", "repair_price", "Call-out fee and repairs", "", ["repair cost", "price"],
        "The call-out fee is 22,000 won.",
    ),
    (
        "hours", "ko", "hours", "상담 시간과 휴일", "", ["영업시간", "운영시간"],
        "평일 오전 9:00–오후 6:00에 상담해요.",
    ),
    ("hours", "en", "hours", "Opening hours", "", ["opening hours"], "On weekdays from 9 am to 6 pm."),
    (
        "location", "ko", "location", "오시는 길", "", ["위치", "주소", "주차"],
        "서울 마포구 월드컵로 12에 있어요.",
    ),
    ("location", "en", "location", "Where we are", "", ["address"], "12 World Cup-ro, Mapo-gu, Seoul."),
]  # fmt: skip


async def open_shop(folder: Path) -> dict[str, Actor]:
    """새봄가전 as the tests know it; gives its colleagues by login."""
    zone.use(SEOUL)
    vault.use(b"x" * 32)
    files.use(storage.Folder(folder / "files"), max_bytes=1_000_000)
    await a_company(privacy_notice="상담을 위해 대화와 사진을 보관해요.")
    agent = await a_staff(MONDAY, "seojun")
    technician = await a_staff(MONDAY, "minho", role="technician")
    await a_team("상담팀", ["general", "support", "complaint", "callback"], agent)
    await a_team("수리팀", ["repair"], technician)
    await a_team("영업팀", ["sales", "billing"])
    for code, name, name_en, category, category_en in _PRODUCTS:
        await products.save(
            SYSTEM, code=code, name=name, name_en=name_en, category=category, category_en=category_en,
            now=MONDAY,
        )  # fmt: skip
    for slug, locale, kind, title, category, keywords, body in _ARTICLES:
        await knowledge.save(
            SYSTEM, slug=slug, locale=locale, title=title, body=body, kind=kind,
            product_category=category, keywords=keywords, now=MONDAY,
        )  # fmt: skip
    await catalogue.fill()
    return {"seojun": agent, "minho": technician}


async def give(contact_id: int, *owned: str, since: date = date(2025, 3, 14), kind: str = "purchase") -> None:
    """Let a contact own products."""
    for name in owned:
        product = await Product.get(name=name)
        await products.give(SYSTEM, contact_id, product.id, kind=kind, since=since, now=MONDAY)


async def reachable(contact_id: int) -> None:
    """Write down an address and a phone number of a contact."""
    await Contact.filter(id=contact_id).update(
        phone="+821012342481", address="서울 마포구 월드컵로 12, 104동 301호", name="김민지", verified=True
    )
