"""The gate: what may go out, what is refused, what is heard as a refusal, and that no code goes round it."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from crm import consent, gate, happenings, inbox, outbox
from crm.models import Consent, Contact, Conversation, Outbox, Possession, Product
from tests.crm.makers import a_company

ROOT = Path(__file__).parent.parent.parent
AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)  # noon in Korea
NIGHT = datetime(2026, 3, 4, 13, 0, tzinfo=UTC)  # 22:00 in Korea
AD = "(광고) 새봄가전 1588-1234\n필터를 20% 싸게 드려요.\n무료수신거부 080-123-4567"


@pytest.fixture
async def talk(any_db) -> Conversation:
    """A conversation by SMS of a company that says who it is."""
    await a_company(phone="1588-1234")
    stored = await inbox.store(
        inbox.Inbound(channel="sms", external_user="kim", external_id="1", text="안녕", received_at=AT),
        now=AT,
    )
    return await Conversation.get(id=stored.conversation_id)


async def agree(talk: Conversation, *, purpose: str = "ad", at: datetime = AT) -> Consent:
    return await consent.record(
        talk.contact_id, purpose, channel=talk.channel, granted=True, source="chat", now=at
    )


async def advertise(talk: Conversation, text: str = AD, at: datetime = AT, **more):
    return await outbox.put(talk.id, author="system", text=text, purpose="ad", now=at, **more)


async def reason(talk: Conversation, text: str = AD, at: datetime = AT, **more) -> str:
    with pytest.raises(gate.Unlawful) as fault:
        await advertise(talk, text, at, **more)
    assert await Outbox.all().count() == 0
    return fault.value.reason


async def test_without_a_yes_no_advertisement_is_put(talk):
    assert await reason(talk) == "no_consent"


async def test_with_a_yes_it_is_put_and_says_on_what_it_stands(talk):
    yes = await agree(talk)
    await advertise(talk)
    assert (await Outbox.get()).permit == f"ad:consent:{yes.id}"


async def test_a_text_that_lacks_something_is_refused_even_with_a_yes(talk):
    await agree(talk)
    assert await reason(talk, AD.removeprefix("(광고)")) == "no_mark"
    assert await reason(talk, AD.replace("새봄가전", "")) == "no_sender"
    assert await reason(talk, f"{AD}\n또 만나요") == "no_refusal"


async def test_by_night_it_is_refused_until_the_morning_or_a_yes_to_the_night(talk):
    await agree(talk)
    assert await reason(talk, at=NIGHT) == "night"
    await agree(talk, purpose="night_ad")
    await advertise(talk, at=NIGHT)
    assert await Outbox.all().count() == 1


async def test_a_purchase_of_like_goods_stands_in_for_half_a_year(talk):
    product = await Product.create(code="A1", name="공기청정기", category="청정기")
    await Possession.create(
        contact_id=talk.contact_id, product_id=product.id, kind="purchase", since=AT.date() - timedelta(90)
    )
    assert await reason(talk, data={"goods": "세탁기"}) == "no_consent"
    await advertise(talk, data={"goods": "청정기"})
    assert (await Outbox.get()).permit.startswith("ad:deal:")


async def test_answers_and_notices_need_no_yes_at_any_hour_and_are_no_cloak_for_advertising(talk):
    for purpose in ("reply", "info", "opt_out"):
        await outbox.put(talk.id, author="bot", text="접수됐어요", purpose=purpose, now=NIGHT)
    assert {row.permit for row in await Outbox.all()} == {"reply", "info", "opt_out"}
    with pytest.raises(gate.Unlawful, match="mislabelled"):
        await outbox.put(talk.id, author="bot", text=AD, purpose="info", now=AT)


async def test_just_before_sending_an_advertisement_is_judged_again(talk):
    await agree(talk)
    await advertise(talk)
    (claim,) = await outbox.claim("sender", AT)
    (item,) = claim.items
    asked = {"purpose": item.purpose, "text": item.text, "data": item.data}
    assert (await gate.at_sending(item.conversation_id, **asked, now=AT)).allowed
    assert (await gate.at_sending(item.conversation_id, **asked, now=NIGHT)).reason == "night"
    await gate.refuse(talk.contact_id, channel="sms", source="chat", now=AT + timedelta(seconds=1))
    assert (await gate.at_sending(item.conversation_id, **asked, now=AT)).reason == "refused"


async def test_a_row_that_got_in_without_a_permit_is_never_taken_to_be_sent(talk):
    message = await outbox.put(talk.id, author="bot", text="네", now=AT)
    await Outbox.all().update(permit="")
    assert await outbox.claim("sender", AT + timedelta(minutes=1)) == []
    assert await outbox.claim("sender", AT + timedelta(minutes=2)) == []
    await outbox.put(talk.id, author="bot", text="하나 더", now=AT)
    (claim,) = await outbox.claim("sender", AT + timedelta(minutes=3))
    assert [item.text for item in claim.items] == ["하나 더"]
    assert message.id not in {item.message_id for item in claim.items}


# --- refusals


async def test_a_refusal_is_heard_while_a_person_owns_the_conversation_and_is_to_be_confirmed(talk):
    await agree(talk)
    await Conversation.filter(id=talk.id).update(owner="staff")
    assert not await gate.hear(talk.id, "광고에서 본 세탁기 얼마예요?", source="message:1", now=AT)
    later = AT + timedelta(minutes=1)
    assert await gate.hear(talk.id, "광고 그만 보내세요", source="message:2", now=later)
    assert (await gate.allowed_on(talk.contact_id, "sms", text=AD, now=later)).reason == "refused"
    (owed,) = [one for one in await gate.owed_reports(later) if not one.granted]
    assert (owed.channel, owed.by) == ("sms", later + timedelta(days=14))
    told = [h for h in await happenings.since(0) if h.kind == "consent.changed" and not h.data["granted"]]
    assert [h.conversation_id for h in told if h.data["purpose"] == "ad"] == [talk.id]
    assert await gate.reported(owed.consent_id, later)
    assert not await gate.reported(owed.consent_id, later)
    assert [one for one in await gate.owed_reports(later) if not one.granted] == []


async def test_a_refusal_of_everything_holds_on_every_channel(talk):
    for channel in ("sms", "kakao"):
        await consent.record(talk.contact_id, "ad", channel=channel, granted=True, source="form", now=AT)
    await gate.hear(talk.id, "광고 전부 거부합니다", source="message:2", now=AT + timedelta(minutes=1))
    for channel in ("sms", "kakao"):
        verdict = await gate.allowed_on(talk.contact_id, channel, text=AD, now=AT + timedelta(hours=1))
        assert verdict.reason == "refused"


async def test_a_standing_yes_is_flagged_every_two_years_and_silence_keeps_it(talk):
    await agree(talk)
    almost, due = AT + timedelta(days=730), AT.replace(year=2028)
    assert await gate.flag_reconfirmations(almost) == 0
    assert await gate.flag_reconfirmations(due) == 1
    assert await gate.flag_reconfirmations(due + timedelta(days=1)) == 0
    assert (await gate.allowed_on(talk.contact_id, "sms", text=AD, now=due)).allowed
    assert await gate.flag_reconfirmations(due.replace(year=2030)) == 1


async def test_a_withdrawn_yes_is_not_flagged(talk):
    await agree(talk)
    await gate.refuse(talk.contact_id, channel="", source="chat", now=AT + timedelta(days=1))
    assert await gate.flag_reconfirmations(AT.replace(year=2028)) == 0


async def test_nothing_is_advertised_to_an_erased_person(talk):
    await agree(talk)
    await advertise(talk)
    await Contact.all().update(erased_at=AT)
    verdict = await gate.at_sending(talk.id, purpose="ad", text=AD, data={}, now=AT)
    assert verdict.reason == "erased"


# --- no way round


@cache
def modules() -> list[tuple[str, ast.Module]]:
    """Every module of ours, with its path."""
    return [
        (str(path.relative_to(ROOT)), ast.parse(path.read_text()))
        for room in ("actions", "bots", "crm", "media", "nlu")
        for path in sorted((ROOT / room).rglob("*.py"))
        if "migrations" not in path.parts
    ]


INTO_OUTBOX = re.compile(r"\binto\s+outbox\b", re.IGNORECASE)
PERMITS = re.compile(r"\bset\b.*\bpermit\s*=", re.IGNORECASE | re.DOTALL)


def named(node: ast.AST) -> list[str]:
    """The names that a node brings in or speaks of."""
    if isinstance(node, ast.ImportFrom):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Name):
        return [node.id]
    return [node.attr] if isinstance(node, ast.Attribute) else []


def texts(tree: ast.AST) -> Iterator[str]:
    """String literals, with what is formatted into them left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_only_the_outbox_writes_its_table():
    writers = {path for path, tree in modules() for text in texts(tree) if INTO_OUTBOX.search(text)}
    assert writers == {"crm/outbox.py"}
    users = {path for path, tree in modules() for node in ast.walk(tree) if "Outbox" in named(node)}
    assert users <= {"crm/models/__init__.py", "crm/models/outbox.py"}, "its rows are crm/outbox.py's alone"


def test_nobody_gives_a_row_a_permit_afterwards():
    """A permit is written with the row, and read when it is claimed."""
    givers = {path for path, tree in modules() for text in texts(tree) if PERMITS.search(text)}
    assert givers == set()


def test_the_outbox_writes_its_table_in_one_place_with_a_permit_of_the_gate():
    tree = dict(modules())["crm/outbox.py"]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
    writers = [f.name for f in functions if any(INTO_OUTBOX.search(text) for text in texts(f))]
    assert writers == ["_queue"]
    callers = [f for f in functions if any(name == "_queue" for name, _ in calls(f))]
    assert [f.name for f in callers] == ["put", "put_standing"]
    for caller in callers:
        lines = dict(calls(caller))
        assert lines["gate.permit"] < lines["_queue"]


def calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """What is called, as written, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


# Whatever else is called `send` and is no provider's: sockets of our own pages and processes.
OWN_SOCKETS = {("bots/web/desk/live.py", "browser.send"), ("crm/db/waking.py", "database.post.send")}


def sendings(tree: ast.AST) -> Iterator[str]:
    """Every `send` that is spoken of, called or handed on under another name."""
    for node in ast.walk(tree):
        spoken_of = isinstance(node, ast.Attribute) and node.attr == "send"
        if spoken_of or (isinstance(node, ast.Call) and is_getattr_of_send(node)):
            yield ast.unparse(node)


def is_getattr_of_send(call: ast.Call) -> bool:
    given = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    return ast.unparse(call.func) == "getattr" and "send" in given


def calls_room(path: str) -> bool:
    """The room of calls knows no CRM: what it sends are frames and packets to those who are in a call."""
    return path.startswith("media/")


def test_only_the_sender_hands_messages_to_channels_and_asks_the_gate_first():
    senders = {(path, name) for path, tree in modules() for name in sendings(tree) if not calls_room(path)}
    own = {pair for pair in senders if pair[0].startswith("bots/channels/") and pair[1].startswith("self.")}
    assert senders - OWN_SOCKETS - own == {("bots/sender.py", "channel.send")}
    tree = dict(modules())["bots/sender.py"]
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}
    assert [name for name, f in functions.items() if any(c == "channel.send" for c, _ in calls(f))] == [
        "_send"
    ]
    asks = [name for name, f in functions.items() if any(c == "self._send" for c, _ in calls(f))]
    assert asks == ["_items"]
    lines = dict(calls(functions["_items"]))
    assert lines["self._refused"] < lines["self._send"]
    assert "gate.at_sending" in dict(calls(functions["_refused"]))


# Where providers are reached: only their channels, and the settings that say so, know the addresses.
HOSTS = re.compile(r"api\.telegram\.org|api\.solapi\.com|kapi\.kakao\.com|bizmessage")
PROVIDERS = {"telegram", "smtplib", "aiosmtplib", "solapi", "imaplib", "aioimaplib"}


def test_only_channels_know_a_providers_library():
    importers = {
        path
        for path, tree in modules()
        for node in ast.walk(tree)
        for name in imported(node)
        if name.split(".")[0] in PROVIDERS
    }
    assert {path for path in importers if not path.startswith("bots/channels/")} == set()


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def test_only_channels_know_a_providers_address():
    known = {path for path, tree in modules() for text in texts(tree) if HOSTS.search(text)}
    assert {path for path in known if not path.startswith(("bots/channels/", "bots/settings"))} == set()
