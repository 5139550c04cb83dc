"""Contacts, accounts, identities, consents and what people own."""

from datetime import date, timedelta
from typing import Any

from bots.demo.sources import read
from bots.demo.world import TELEGRAM_FIRST, World
from crm import db, search
from crm.models import Account, Consent, Contact, Identity, Labelling, Possession

# How people reach a Korean appliance company; see the channels of the product.
CHANNELS, CHANNEL_SHARES = ("web", "kakao", "telegram", "sms", "email"), (35, 36, 11, 11, 7)
MOST_POSSESSIONS = 4


async def load(world: World) -> None:
    """All contacts: the named ones first, then the made-up rest."""
    source = read("people")
    opened = world.clock.days(-1500, 9)
    accounts = {row["name"]: await Account.create(**row, created_at=opened) for row in source["accounts"]}
    rows = list(source["named"])
    rows += [_made_up(world, source, i, accounts) for i in range(source["count"] - len(rows))]
    possessions: list[Possession] = []
    for row in rows:
        contact = await _contact(world, row, accounts)
        world.everybody.append(contact)
        await _identities(world, contact, row)
        possessions += [_possession(world, contact, given) for given in row["possessions"]]
    for row, contact in zip(source["named"], world.everybody, strict=False):
        world.contacts[row["name"]] = contact
    await Possession.bulk_create(possessions, batch_size=100)
    for possession in await Possession.all().order_by("id"):
        world.possessions.setdefault(possession.contact_id, []).append(possession)
    await _consents(world, rows)
    await _labels(world)
    await _keys(world)
    await world.write_timeline()


async def _contact(world: World, row: Any, accounts: dict[str, Account]) -> Contact:
    since = world.clock.days(-int(row["since"] * 30.4) - row.get("days", 0), row.get("hour", 11))
    account = accounts.get(row.get("account", ""))
    contact = await Contact.create(
        name=row["name"],
        phone=row["phone"],
        email=row.get("email", ""),
        address=row["address"],
        locale=row.get("locale", "ko"),
        account_id=account.id if account else None,
        verified=row.get("verified", False),
        customer_since=since.date(),
        privacy_noticed_at=since,
        created_at=since,
        updated_at=since,
    )
    world.happened(contact.id, "contact.created", since)
    return contact


async def _identities(world: World, contact: Contact, row: Any) -> None:
    for channel in row["channels"]:
        identity = await Identity.create(
            contact_id=contact.id,
            channel=channel,
            external_id=_external_id(world, channel, contact),
            display_name=contact.name,
            verified=contact.verified,
            created_at=contact.created_at,
            last_seen_at=contact.created_at,
        )
        world.identities.setdefault(contact.id, []).append(identity)


def _external_id(world: World, channel: str, contact: Contact) -> str:
    if channel in ("sms", "phone"):
        return contact.phone
    if channel == "email":
        return contact.email or f"customer{contact.id}@mail.example"
    if channel == "telegram":
        return str(TELEGRAM_FIRST + contact.id)
    return f"demo-{channel}-{contact.id:04d}"


def _possession(world: World, contact: Contact, given: Any) -> Possession:
    code, kind, months, *term = given
    since = (world.now - timedelta(days=int(months * 30.4))).date()
    return Possession(
        contact_id=contact.id,
        product_id=world.products[code].id,
        kind=kind,
        since=since,
        months=term[0] if term else None,
        serial_no=f"{code}-{since:%y%m}-{world.random.randrange(10000, 99999)}",
        ended_on=_ended(since, term, world),
    )


def _ended(since: date, term: list[int], world: World) -> date | None:
    """A rental whose term is over belongs to the customer."""
    if not term:
        return None
    end = since + timedelta(days=int(term[0] * 30.4))
    return end if end < world.now.date() else None


def _made_up(world: World, source: Any, number: int, accounts: dict[str, Account]) -> dict[str, Any]:
    pick = world.random
    since = pick.choice([1, 2, 3, 5, 7, 9, 12, 15, 18, 22, 26, 30, 34, 40, 46])
    city, *roads = pick.choice(source["districts"])
    home = f"{pick.randrange(1, 40)}{pick.choice(['01', '02', '03', '04'])}호"
    channels = pick.choices(CHANNELS, CHANNEL_SHARES)
    if pick.random() < 0.18:
        channels = sorted({*channels, pick.choice(CHANNELS[:2])})
    row = {
        "name": pick.choice(source["surnames"].split()) + pick.choice(source["given"].split()),
        "phone": f"+8210{2000 + number * 27 % 7999:04d}{(number * 3571 + 1289) % 10000:04d}",
        "address": f"{city} {pick.choice(roads)} {pick.randrange(3, 420)}, {home}",
        "since": since,
        "days": pick.randrange(28),
        "hour": pick.randrange(9, 19),
        "email": f"customer{number:03d}@mail.example" if pick.random() < 0.45 else "",
        "channels": channels,
        "verified": pick.random() < 0.3,
        "possessions": [
            _owned(world, since)
            for _ in range(pick.choices(range(1, MOST_POSSESSIONS + 1), (52, 28, 14, 6))[0])
        ],
    }
    if number % 29 == 0:  # people who write for their company
        row["account"] = sorted(accounts)[number // 29 % len(accounts)]
    return row


def _owned(world: World, since: int) -> list[Any]:
    product = world.random.choice(sorted(world.products))
    months = world.random.randrange(0, since + 1)
    if world.products[product].rental_fee and world.random.random() < 0.4:
        return [product, "rental", months, world.random.choice([36, 36, 60])]
    return [product, "purchase", months]


async def _consents(world: World, rows: list[Any]) -> None:
    """The notice is as old as the contact; consent to advertising was given, or confirmed, in the last year:
    older than two it would have to be confirmed, and a fresh demo would begin by asking for that."""
    consents = []
    for row, contact in zip(rows, world.everybody, strict=True):
        base = {"contact_id": contact.id, "at": contact.created_at}
        consents.append(Consent(purpose="privacy_notice", granted=True, source="first contact", **base))
        ads = row.get("ads") or {c: world.random.random() < 0.35 for c in row["channels"] if c == "kakao"}
        for channel, granted in ads.items():
            purpose, where = ("night_ad", "") if channel == "night" else ("ad", channel)
            at = max(contact.created_at, world.now - timedelta(days=60 + contact.id % 300))
            given = {**base, "at": at, "reported_at": at, "source": "chat"}
            consents.append(Consent(purpose=purpose, channel=where, granted=granted, **given))
    await Consent.bulk_create(consents, batch_size=150)


async def _labels(world: World) -> None:
    """Regulars have been with us for three years or own four things; companies are told apart."""
    rows = []
    for contact in world.everybody:
        years = (world.now - contact.created_at).days / 365
        if years >= 3 or len(world.possessions[contact.id]) == MOST_POSSESSIONS:
            rows.append((world.labels["단골"].id, contact.id))
        if contact.account_id:
            rows.append((world.labels["기업 고객"].id, contact.id))
    await Labelling.bulk_create(
        Labelling(label_id=label, subject="contact", subject_id=contact) for label, contact in rows
    )


async def _keys(world: World) -> None:
    rows = [
        (key, contact.id)
        for contact in world.everybody
        for key in sorted(search.contact_keys(contact.name, contact.phone, contact.email))
    ]
    await db.execute_many("INSERT INTO contact_key (key, contact_id) VALUES (?, ?)", rows)
