"""Contacts: values checked and normalised, shown masked, every look and change in the audit."""

from datetime import date, timedelta

import pytest

from crm import accounts, audit, contacts, labels, vault
from crm.actor import SYSTEM, Actor
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.models import AuditEntry, Contact, Happening

YUNA = Actor("staff", 3, "agent", "한유나")
MINA = Actor("staff", 4, "marketing", "강미나")
BOSS = Actor("staff", 1, "manager", "김대표")
ADDRESS = "서울 마포구 월드컵로 12 래미안 104동 1203호"


@pytest.fixture(autouse=True)
def secret():
    vault.use(b"a secret of the installation")


async def person(now, name="김민준", **more):
    return await contacts.create(YUNA, name=name, now=now, **more)


# --- forms of values


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("010-1234-5678", "+821012345678"),
        ("01012345678", "+821012345678"),
        ("０１０ 1234 5678", "+821012345678"),
        ("+82 10 1234 5678", "+821012345678"),
        ("02-312-3456", "+8223123456"),
        ("+1 202 456 1111", "+12024561111"),
        ("1234", None),
        ("전화해 주세요", None),
        ("010-1234-567890123", None),
        ("", None),
    ],
)
def test_a_phone_number_is_understood_as_people_write_it(written, number):
    assert contacts.normalise_phone(written) == number


@pytest.mark.parametrize(
    ("number", "shown", "masked"),
    [
        ("+821012342481", "010-1234-2481", "010-••••-2481"),
        ("+8223123456", "02-312-3456", "02-••••-3456"),
        ("", "", ""),
    ],
)
def test_a_phone_number_is_shown_and_masked_as_koreans_write_it(number, shown, masked):
    assert (contacts.show_phone(number), contacts.mask_phone(number)) == (shown, masked)


def test_a_foreign_number_is_masked_too():
    masked = contacts.mask_phone("+12024561111")
    assert masked.startswith("+1")
    assert masked.endswith("1111")
    assert "2456" not in masked


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        (ADDRESS, "서울 마포구 ••• 104동"),
        ("서울 마포구 월드컵로 12", "서울 마포구 •••"),
        ("서울 마포구", "서울 •••"),
        ("서울 마포구 상암동 104동 301호", "서울 마포구 ••• 104동"),
        ("서울 마포구 상암동 301호", "서울 마포구 •••"),
        ("12 Worldcup-ro, Mapo-gu, Seoul", "•••, Mapo-gu, Seoul"),
        ("  ", ""),
    ],
)
def test_an_address_keeps_its_district_and_building(address, masked):
    assert contacts.mask_address(address) == masked


# --- making and changing


async def test_a_new_contact_is_normalised_and_audited(db, now):
    contact = await person(now, phone="010-1234-5678", email="minjun@example.com")
    assert contact.phone == "+821012345678"
    entry = await AuditEntry.get(act="contact.created")
    assert await audit.personal_values(BOSS, entry) == {
        "email": ["", "minjun@example.com"], "name": ["", "김민준"], "phone": ["", "+821012345678"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "field", "reason"),
    [
        ({"phone": "1234"}, "phone", "not_a_phone"),
        ({"email": "minjun"}, "email", "not_an_email"),
        ({"name": "가" * 101}, "name", "too_long"),
        ({"locale": "fr"}, "locale", "unknown"),
        ({"account_id": 99}, "account_id", "unknown"),
        ({"customer_since": "2026"}, "customer_since", "not_a_date"),
        ({"blocked": True}, "blocked", "not_changeable"),
        ({"id": 7}, "id", "not_changeable"),
    ],
)
async def test_a_wrong_value_is_refused_by_name(db, now, values, field, reason):
    contact = await person(now)
    with pytest.raises(Invalid) as refused:
        await contacts.update(YUNA, contact.id, values, now=now)
    assert (refused.value.field, refused.value.reason) == (field, reason)


async def test_only_what_changed_is_written_down(db, now):
    contact = await person(now, phone="010-1234-5678")
    later = now + timedelta(hours=1)
    await contacts.update(YUNA, contact.id, {"name": "김민준", "phone": "010-9999-0000"}, now=later)
    entry = await AuditEntry.get(act="contact.updated")
    assert entry.fields_changed == ["phone"]
    assert await audit.personal_values(BOSS, entry) == {"phone": ["+821012345678", "+821099990000"]}
    await contacts.update(YUNA, contact.id, {"name": "김민준"}, now=later)
    assert await Happening.filter(kind="contact.updated").count() == 1


async def test_what_the_bot_learns_is_no_staff_write(db, now):
    contact = await contacts.create(SYSTEM, now=now)
    await contacts.update(SYSTEM, contact.id, {"phone": "010-1234-5678"}, now=now)
    assert await AuditEntry.all().count() == 0


async def test_marketing_may_neither_change_nor_reveal(db, now):
    contact = await person(now)
    with pytest.raises(Forbidden):
        await contacts.update(MINA, contact.id, {"name": "나"}, now=now)
    with pytest.raises(Forbidden):
        await contacts.reveal(MINA, contact.id, "phone", now)


async def test_the_customer_cannot_act_as_staff(db, now):
    contact = await person(now)
    with pytest.raises(Forbidden):
        await contacts.get(Actor("contact", contact.id), contact.id)


# --- showing


async def test_the_card_is_masked_and_counts_what_there_is(db, now):
    account = await accounts.create(YUNA, name="한빛상사", now=now)
    contact = await person(
        now, phone="01012342481", email="minjun@example.com", address=ADDRESS, account_id=account.id,
        customer_since=date(2024, 5, 1),
    )  # fmt: skip
    vip = await labels.create(YUNA, "단골", colour="amber", now=now)
    await labels.put(YUNA, vip.id, "contact", contact.id, now=now)
    card = await contacts.card(YUNA, contact.id)
    assert card["phone"] == "010-••••-2481"
    assert card["email"] == "m•••@example.com"
    assert card["address"] == "서울 마포구 ••• 104동"
    assert (card["account_name"], card["requests"], card["possessions"]) == ("한빛상사", 0, 0)
    assert card["customer_since"] == date(2024, 5, 1)
    assert card["labels"] == [{"id": vip.id, "name": "단골", "colour": "amber"}]


async def test_revealing_is_in_the_audit_and_shows_the_value(db, now):
    contact = await person(now, phone="01012342481")
    assert await contacts.reveal(YUNA, contact.id, "phone", now) == "010-1234-2481"
    entry = await AuditEntry.get(act="contact.revealed")
    assert (entry.actor, entry.contact_id, entry.fields_changed) == ("staff:3", contact.id, ["phone"])
    with pytest.raises(Invalid):
        await contacts.reveal(YUNA, contact.id, "notes", now)
    with pytest.raises(NotFound):
        await contacts.reveal(YUNA, 99, "phone", now)


async def test_contacts_are_listed_newest_first_page_by_page(any_db, now):
    made = [(await person(now + timedelta(minutes=n // 2), name=f"고객{n}")).id for n in range(5)]
    first = await contacts.list_contacts(YUNA, limit=3)
    second = await contacts.list_contacts(YUNA, limit=3, after=first.next)
    assert [c["id"] for c in first.items + second.items] == made[::-1]
    assert second.next is None


async def test_a_search_of_contacts_is_masked(any_db, now):
    wanted = await person(now, phone="01012342481")
    await person(now, name="이서연")
    page = await contacts.list_contacts(YUNA, query="김ㅁ")
    assert [(c["id"], c["phone"]) for c in page.items] == [(wanted.id, "010-••••-2481")]
    assert (await contacts.list_contacts(YUNA, query="없음")).items == []


async def test_a_note_goes_before_older_ones(db, now):
    contact = await person(now, notes="예전 메모")
    noted = await contacts.note(YUNA, contact.id, "저녁에 전화", now=now)
    assert noted.notes == "저녁에 전화\n예전 메모"


async def test_blocking_twice_happens_once(db, now):
    contact = await person(now)
    await contacts.block(YUNA, contact.id, now=now)
    await contacts.block(YUNA, contact.id, now=now)
    assert (await Contact.get(id=contact.id)).blocked
    await contacts.unblock(YUNA, contact.id, now=now)
    acts = await AuditEntry.filter(act__contains="blocked").order_by("id").values_list("act", flat=True)
    assert acts == ["contact.blocked", "contact.unblocked"]


# --- accounts and labels


@pytest.mark.parametrize(
    ("number", "right"),
    [("124-81-00998", True), ("1248100998", True), ("124-81-00999", False), ("12", False)],
)
def test_a_business_number_carries_a_check_digit(number, right):
    assert accounts.is_business_no(number) == right


async def test_an_account_is_changed_found_and_has_its_people(db, now):
    account = await accounts.create(YUNA, name="한빛상사", phone="02-312-3456", now=now)
    await accounts.update(YUNA, account.id, {"name": "한빛전자", "business_no": "124-81-00998"}, now=now)
    contact = await person(now, account_id=account.id)
    assert [a.id for a in await accounts.list_accounts(YUNA, query="한빛")] == [account.id]
    assert [c.id for c in await accounts.people_of(YUNA, account.id)] == [contact.id]
    with pytest.raises(Invalid):
        await accounts.update(YUNA, account.id, {"business_no": "124-81-00999"}, now=now)


async def test_a_label_is_one_word_in_one_colour(any_db, now):
    label = await labels.create(YUNA, "환불", colour="red", now=now)
    with pytest.raises(Conflict):
        await labels.create(YUNA, "환불", now=now)
    with pytest.raises(Invalid):
        await labels.create(YUNA, "급함", colour="pink", now=now)
    other = await labels.create(YUNA, "급함", now=now)
    with pytest.raises(Conflict):
        await labels.change(YUNA, other.id, name="환불", colour="red", now=now)
    assert [row.name for row in await labels.all_labels()] == ["급함", "환불"]
    contact = await person(now)
    assert await labels.put(YUNA, label.id, "contact", contact.id, now=now)
    assert not await labels.put(YUNA, label.id, "contact", contact.id, now=now)
    assert await labels.remove(YUNA, label.id, "contact", contact.id, now=now)
    assert not await labels.remove(YUNA, label.id, "contact", contact.id, now=now)
    await labels.delete(YUNA, label.id, now=now)
    with pytest.raises(NotFound):
        await labels.put(YUNA, label.id, "contact", contact.id, now=now)
