"""A contact's timeline, and the products they own."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import contacts, conversations, happenings, identities, products, timeline, vault
from crm.actor import SYSTEM, Actor
from crm.errors import Forbidden, Invalid
from crm.models import ServiceRequest

YUNA = Actor("staff", 3, "agent", "한유나")


@pytest.fixture(autouse=True)
def secret():
    vault.use(b"a secret of the installation")


async def test_a_timeline_names_what_happened_newest_first_page_by_page(any_db, now):
    identity = await identities.find_or_create("web", "", "s1", now=now)
    talk = await conversations.reach(identity, now=now)
    request = await ServiceRequest.create(
        number="SR-2026-000001", contact_id=identity.contact_id, product_text="세탁기",
        created_at=now, updated_at=now, status_at=now,
    )  # fmt: skip
    await happenings.record(
        "request.opened",
        contact_id=identity.contact_id,
        request_id=request.id,
        now=now + timedelta(minutes=1),
    )
    first = await timeline.of(YUNA, identity.contact_id, limit=1)
    assert first.items[0]["reference"] == {
        "number": "SR-2026-000001", "status": "received", "product": "세탁기", "category": "repair",
    }  # fmt: skip
    rest = await timeline.of(YUNA, identity.contact_id, before=first.next)
    assert [(e["kind"], e["reference"]) for e in rest.items] == [
        ("conversation.started", {"channel": "web"}),
        ("contact.created", {}),
    ]
    assert rest.items[0]["subject_id"] == talk.id
    assert rest.next is None


async def test_a_reference_to_what_is_gone_is_empty(db, now):
    contact = await contacts.create(SYSTEM, name="김민준", now=now)
    await happenings.record("request.opened", contact_id=contact.id, request_id=99, now=now)
    (entry, *_) = (await timeline.of(YUNA, contact.id)).items
    assert entry["reference"] == {}


# --- products


async def washer(now, code="W1", name="드럼세탁기 12kg", **more):
    return await products.save(SYSTEM, code=code, name=name, category="세탁기", now=now, **more)


async def test_saving_a_code_again_changes_the_product_and_the_catalogues_version(any_db, now):
    first = await washer(now)
    version = await products.version()
    changed = await washer(now + timedelta(minutes=1), name="드럼세탁기 13kg", price=890_000)
    assert (changed.id, changed.name, changed.price) == (first.id, "드럼세탁기 13kg", 890_000)
    assert await products.version() != version
    assert await products.names() == [(str(first.id), "드럼세탁기 13kg")]


async def test_an_alias_that_several_products_share_names_none_of_them(db, now):
    drum = await washer(now, aliases=["세탁기", "빨래박사"])
    await washer(now, "W2", "일반세탁기 10kg")
    assert (str(drum.id), "빨래박사") in await products.names()
    assert "세탁기" not in [name for _, name in await products.names()]
    assert await products.match("세탁기") is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"price": -1}, "price"),
        ({"stock": 3}, "stock"),
        ({"aliases": [""]}, "aliases"),
    ],
)
async def test_a_wrong_value_of_a_product_is_refused_by_name(db, now, values, field):
    with pytest.raises(Invalid) as refused:
        await washer(now, **values)
    assert refused.value.field == field


async def test_an_agent_does_not_change_the_catalogue(db, now):
    with pytest.raises(Forbidden):
        await products.save(YUNA, code="W1", name="세탁기", now=now)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("통돌이", "W2"),
        ("w1", "W1"),
        ("드럼 세탁기 12KG", "W1"),
        ("건조기", "D1"),
        ("세탁기", None),
        ("", None),
    ],
)
async def test_a_product_is_named_by_code_name_alias_or_a_part_that_fits_one(db, now, said, code):
    await washer(now)
    await washer(now, "W2", "일반세탁기 10kg", aliases=["통돌이"])
    await washer(now, "D1", "히트펌프 건조기", name_en="Dryer")
    found = await products.match(said)
    assert (found and found.code) == code


async def test_a_contacts_products_come_newest_first_with_their_warranty(any_db, now):
    contact = await contacts.create(SYSTEM, name="김민준", now=now)
    one = await washer(now, warranty_months=24)
    await products.give(YUNA, contact.id, one.id, kind="purchase", since=date(2024, 2, 29), now=now)
    await products.give(YUNA, contact.id, one.id, kind="rental", since=date(2025, 1, 1), months=36, now=now)
    rental, purchase = await products.possessions_of(contact.id)
    assert (rental["kind"], rental["warranty_until"]) == ("rental", None)
    assert purchase["warranty_until"] == date(2026, 2, 28)
    assert (await contacts.get(SYSTEM, contact.id)).customer_since == date(2024, 2, 29)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 600))
def test_months_later_is_the_same_day_or_the_months_last(day, months):
    later = products.add_months(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day == day.day or (later + timedelta(days=1)).day == 1
