"""Profile, hours, staff, teams, labels, canned replies, products and articles of the demo company."""

from datetime import date
from typing import Any

from bots.demo.sources import read
from bots.demo.world import World
from crm import knowledge
from crm.models import (
    Article,
    ArticleKey,
    BusinessHours,
    CannedReply,
    CompanyProfile,
    DayOff,
    Label,
    MessageTemplate,
    Product,
    Staff,
    Team,
    TeamMember,
)

ARTICLES = {"error_codes": "error_code", "usage": "usage", "service": "policy"}


async def load(world: World, password_hash: str) -> None:
    """Everything that is there before the first customer."""
    source = read("company")
    await CompanyProfile.update_or_create(id=1, defaults={**source["profile"], "settings": {"demo": True}})
    await _hours(world, source)
    await _staff(world, source, password_hash)
    for row in source["labels"]:
        world.labels[row["name"]] = await Label.create(**row)
    await CannedReply.bulk_create(CannedReply(**{"locale": "ko", **row}) for row in source["canned_replies"])
    await MessageTemplate.bulk_create(
        MessageTemplate(**row, status="approved", updated_at=world.now) for row in read("templates")
    )
    await _products(world)
    await _articles(world)


async def _hours(world: World, source: Any) -> None:
    await BusinessHours.filter(team_id=None).delete()
    days = [(day, span) for day in range(5) for span in source["hours"]["weekdays"]]
    days += [(5, span) for span in source["hours"]["saturday"]]
    for weekday, span in days:
        opens, closes = (_minutes(part) for part in span.split("-"))
        await BusinessHours.create(weekday=weekday, opens=opens, closes=closes)
    today = world.now.astimezone(world.clock.tz).date()
    for off in source["days_off"]:
        day = date(today.year, off["month"], off["day"])
        await DayOff.get_or_create(day=day, defaults={"name": off["name"]})


def _minutes(clock_time: str) -> int:
    hour, minute = clock_time.split(":")
    return int(hour) * 60 + int(minute)


async def _staff(world: World, source: Any, password_hash: str) -> None:
    hired = world.clock.days(-700, 9)
    for row in source["staff"]:
        world.staff[row["login"]] = await Staff.create(
            **row,
            email=f"{row['login']}@saebom.example",
            password_hash=password_hash,
            demo=True,
            presence_at=world.now,
            created_at=hired,
        )
    for row in source["teams"]:
        members = row.pop("members") if "members" in (row := dict(row)) else []
        team = world.teams[row["name"]] = await Team.create(**row)
        for login in members:
            await TeamMember.create(team_id=team.id, staff_id=world.staff[login].id)


async def _products(world: World) -> None:
    for category, group in read("products").items():
        for code, name, name_en, aliases, price, fee, warranty in group["products"]:
            world.products[code] = await Product.create(
                code=code,
                name=name,
                name_en=name_en,
                category=category,
                category_en=group["en"],
                aliases=aliases,
                price=price,
                rental_fee=fee,
                warranty_months=warranty,
                updated_at=world.now,
            )


async def _articles(world: World) -> None:
    editors = [world.staff["yuna"].id, world.staff["narae"].id]
    keys: list[ArticleKey] = []
    for file, usual in ARTICLES.items():
        for number, entry in enumerate(read(f"articles/{file}")):
            written = world.clock.days(-400 + 7 * number, 10)
            for locale in ("ko", "en"):
                article = await Article.create(
                    slug=entry["slug"],
                    locale=locale,
                    kind=entry.get("kind", usual),
                    product_category=entry.get("category", ""),
                    title=entry[locale]["title"],
                    body=entry[locale]["body"].strip(),
                    keywords=entry[locale]["keywords"],
                    views=world.random.randrange(20, 900),
                    editor_id=editors[number % 2],
                    created_at=written,
                    updated_at=written,
                )
                keys += knowledge.key_rows(article)
    await ArticleKey.bulk_create(keys, batch_size=250)
