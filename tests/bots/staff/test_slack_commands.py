"""`/dangol` in Slack: what it finds, to whom it says it, where it stays silent, and who may ask at all."""

import io

import pytest
from PIL import Image

from bots.settings import Settings, load
from bots.staff import spoken
from bots.staff.slack import face as wiring
from crm import contacts, conversations, inbox, privacy, requests, slack, staff
from crm.actor import SYSTEM, Actor
from crm.errors import Conflict, Forbidden
from crm.inbox import Inbound
from crm.models import Conversation, Identity, Message, ServiceRequest, SlackUser, Staff
from tests.bots.staff.conftest import Office
from tests.bots.staff.test_slack_threads import begun, heard_by_customer, notes_of
from tests.bots.web.desk_people import a_talk, utc_now
from tests.standins.slack_client import APP_TOKEN, BOT_TOKEN, OPEN_CHANNEL, TEAM_CHANNEL, buttons, written
from tests.standins.slack_state import SCOPES


async def asked(office: Office, text: str, channel: str = TEAM_CHANNEL) -> str:
    """What 이서준 is told alone after a command."""
    assert await office.seojun.command(text, channel)
    await office.settle()
    return (await office.seojun.told())[-1]


@pytest.mark.parametrize(
    ("typed", "name", "rest"),
    [
        ("find 김민지", "find", "김민지"),
        ("찾기 김민지", "find", "김민지"),
        ("내", "mine", ""),
        ("  MINE ", "mine", ""),
        ("접수 SR-2026-000123", "request", "SR-2026-000123"),
        ("답장: 네", "reply", "네"),
        ("메모\n두 줄\n메모", "note", "두 줄\n메모"),
        ("?", "help", ""),
    ],
)
def test_the_first_word_says_which_command_in_both_languages(typed: str, name: str, rest: str) -> None:
    assert spoken.read(typed) == spoken.Spoken(name, rest)


@pytest.mark.parametrize("typed", ["", "  ", "김민지", "replying", "답장하기 싫다", "내일 봐요"])
def test_anything_else_is_no_command(typed: str) -> None:
    assert spoken.read(typed) is None


async def test_find_shows_masked_numbers_to_whoever_asked_alone(office: Office) -> None:
    await a_talk(utc_now())
    told = await asked(office, "찾기 김민지")
    assert "김민지 님" in told
    assert "010-••••-2481" in told
    assert await office.yuna.told() == []


async def test_find_pages_through_more_than_fits(office: Office) -> None:
    for number in range(11):
        await contacts.create(SYSTEM, name=f"박서연{number}", now=utc_now())
    first = await asked(office, "find 박서연")
    assert first.count("박서연") >= 8
    answer = (await office.seojun.sees())["ephemerals"][-1]
    assert buttons(answer) == ["dangol_more"]
    assert await office.seojun.press(answer, "dangol_more")
    await office.settle()
    shown = (await office.seojun.sees())["ephemerals"]
    assert len(shown) == 1  # the next page stands where the first one was
    assert sum(line.startswith("*<") for line in written(shown[0]).splitlines()) == 3


async def test_where_others_read_along_only_the_number_is_told(office: Office) -> None:
    await a_talk(utc_now())
    told = await asked(office, "찾기 김민지", OPEN_CHANNEL)
    assert "1건" in told
    assert "김민지" not in told
    assert "2481" not in told


async def test_mine_and_request_show_ones_own_and_open_work(office: Office) -> None:
    talk = await a_talk(utc_now())
    request = await requests.open(
        SYSTEM, talk.contact_id, conversation_id=talk.id, product_text="냉장고", now=utc_now()
    )
    await requests.assign(SYSTEM, request.id, office.company.seojun.id, now=utc_now())
    await conversations.take_over(office.company.seojun, talk.id, utc_now())
    mine = await asked(office, "내")
    assert request.number in mine
    assert f"#{talk.id}" in mine
    assert request.number in await asked(office, "request")
    assert "냉장고" in await asked(office, f"접수 {request.number}")
    assert "없어요" in await asked(office, "접수 SR-2026-999999")


async def test_reply_and_note_by_command_need_to_say_for_whom(office: Office) -> None:
    talk = await a_talk(utc_now())
    assert "누구에게" in await asked(office, "답장 안녕하세요")
    assert await heard_by_customer(talk) == []
    await asked(office, f"reply #{talk.id} 안녕하세요 & <환영>")
    await asked(office, f"메모 #{talk.id} 까다로운 분")
    assert await heard_by_customer(talk) == ["이서준 상담원이 이어받았어요.", "안녕하세요 & <환영>"]
    assert await notes_of(talk) == ["까다로운 분"]


async def test_help_speaks_of_notes_and_replies(office: Office) -> None:
    assert "내부 메모" in await asked(office, "help")
    assert "내부 메모" in await asked(office, "모르는 말")


async def test_a_role_that_may_not_write_may_not_write_here_either(office: Office) -> None:
    talk, root = await begun(office)
    await slack.met("", "U0MARI", name="오마리", email="mari@saebom.example", now=utc_now())
    row = await SlackUser.get(slack_id="U0MARI")
    await slack.decide(SYSTEM, row.id, True, now=utc_now())
    await office.said(office.mari, "@dangol reply 마케팅이에요", channel=TEAM_CHANNEL, thread=root["ts"])
    assert await heard_by_customer(talk) == []
    assert "역할" in (await office.mari.told())[-1]
    assert await office.mari.press(root, "dangol_reply")
    await office.settle()
    assert (await office.mari.views())[-1]["callback_id"] == "dangol_refused"


async def test_who_is_disabled_on_the_desk_is_out_at_once(office: Office) -> None:
    talk, root = await begun(office)
    await staff.disable(SYSTEM, office.company.seojun.id or 0, now=utc_now())
    await office.said(office.seojun, "@dangol reply 아직 있어요", channel=TEAM_CHANNEL, thread=root["ts"])
    assert await office.seojun.press(root, "dangol_hand_back")
    await office.settle()
    assert await heard_by_customer(talk) == []
    assert (await Conversation.get(id=talk.id)).owner == "staff"
    assert "쓸 수 없는" in (await office.seojun.told())[-1]


async def test_who_leaves_slack_or_changes_the_address_is_nobody(office: Office) -> None:
    assert (await slack.who("", "U0SEOJUN")).actor is not None
    await office.seojun.act("change", to={"profile": {"email": "other@elsewhere.example"}})
    await office.heard()
    await office.settle()
    assert (await slack.who("", "U0SEOJUN")).state == "unknown"


async def test_a_guest_of_the_workspace_with_a_colleagues_address_is_nobody(office: Office) -> None:
    await office.workspace.make(user="U0FAKE", name="가짜", email="mari@saebom.example", is_restricted=True)
    await office.workspace.person("U0YUNA").act("invite", who="U0FAKE", channel=TEAM_CHANNEL)
    fake = office.workspace.person("U0FAKE")
    assert await fake.command("find 김민지")
    await office.settle()
    assert "연결되지 않은" in (await fake.told())[-1]
    assert not await SlackUser.exists(slack_id="U0FAKE")


async def test_a_channel_that_becomes_shared_shows_and_does_nothing_more(office: Office) -> None:
    talk, root = await begun(office)
    await office.yuna.act("change", channel=TEAM_CHANNEL, to={"is_ext_shared": True, "is_shared": True})
    await office.heard()
    await office.settle()
    await office.said(office.seojun, "@dangol reply 들리나요", channel=TEAM_CHANNEL, thread=root["ts"])
    assert await heard_by_customer(talk) == []
    assert "공유" in (await office.seojun.told())[-1]
    shown = await office.seojun.thread(root)
    identity = await Identity.get(id=talk.identity_id)
    await inbox.store(
        Inbound(
            channel="web", external_user=identity.external_id, external_id="m9",
            text="아무나 보면 안 되는 말", received_at=utc_now(),
        ),
        now=utc_now(),
    )  # fmt: skip
    await conversations.set_priority(office.company.yuna, talk.id, "urgent", utc_now())
    await office.settle()
    assert await office.seojun.thread(root) == shown
    assert "긴급" not in written((await office.seojun.roots())[0])
    await office.yuna.act("change", channel=TEAM_CHANNEL, to={"is_ext_shared": False, "is_shared": False})
    await office.heard()
    await office.settle()
    await conversations.set_priority(office.company.yuna, talk.id, "high", utc_now())
    await office.settle()
    assert "높음" in written((await office.seojun.roots())[0])
    await office.yuna.act("change", channel=TEAM_CHANNEL, to={"is_ext_shared": True, "is_shared": True})
    await office.heard()
    other = await a_talk(utc_now(), name="이준호")
    await conversations.hand_over(other.id, reason="asked", now=utc_now())
    await office.settle()
    assert not any("이준호" in written(m) for m in await office.seojun.roots())


async def test_only_managers_choose_channels_and_only_private_ones(office: Office) -> None:
    open_one = next(c for c in await slack.channels() if c.channel == OPEN_CHANNEL)
    with pytest.raises(Conflict):
        await slack.route(office.company.yuna, None, open_one.id, now=utc_now())
    with pytest.raises(Forbidden):
        await slack.route(office.company.seojun, None, None, now=utc_now())
    row = await SlackUser.get(slack_id="U0SEOJUN")
    with pytest.raises(Forbidden):
        await slack.decide(office.company.yuna, row.id, True, now=utc_now())


async def test_a_reply_that_a_colleague_overtook_is_not_sent_and_not_lost(office: Office) -> None:
    talk, root = await begun(office)
    assert await office.seojun.press(root, "dangol_reply")
    await office.settle()
    view = (await office.seojun.views())[-1]
    await conversations.reply(office.company.yuna, talk.id, "제가 답했어요", expected_seq=None, now=utc_now())
    assert await office.seojun.submit(view, dangol_text="제 답장이에요")
    await office.settle()
    assert await heard_by_customer(talk) == ["제가 답했어요"]
    told = (await office.seojun.told())[-1]
    assert "한유나" in told
    assert "제 답장이에요" in told


async def test_assign_gives_it_to_a_colleague(office: Office) -> None:
    talk, root = await begun(office)
    assert await office.seojun.press(root, "dangol_assign")
    await office.settle()
    view = (await office.seojun.views())[-1]
    assert await office.seojun.submit(view, dangol_staff=str(office.company.yuna.id))
    await office.settle()
    assert (await Conversation.get(id=talk.id)).assignee_id == office.company.yuna.id


async def test_who_reads_english_sees_colleagues_names_in_english(office: Office) -> None:
    await Staff.filter(login="seojun").update(locale="en")
    await Staff.filter(login="yuna").update(name_en="Yuna Han")
    talk, root = await begun(office)
    request = await requests.open(SYSTEM, talk.contact_id, conversation_id=talk.id, now=utc_now())
    await requests.assign(SYSTEM, request.id, office.company.yuna.id, now=utc_now())
    assert await office.seojun.press(root, "dangol_assign")
    await office.settle()
    (view,) = await office.seojun.views()
    options = [option["text"]["text"] for option in view["blocks"][0]["element"]["options"]]
    assert "Yuna Han" in options
    assert "Yuna Han" in await asked(office, f"request {request.number}")
    assert "Yuna Han" in await asked(office, "request")


async def test_a_note_below_a_request_without_a_conversation_is_a_comment(office: Office) -> None:
    contact = await contacts.create(SYSTEM, name="전화 고객", phone="010-5555-0000", now=utc_now())
    request = await requests.open(SYSTEM, contact.id, product_text="정수기", now=utc_now())
    await office.settle()
    card = (await office.seojun.roots())[-1]
    assert "dangol_reply" not in buttons(card)
    await office.said(office.seojun, "부품 주문함", channel=TEAM_CHANNEL, thread=card["ts"])
    await office.said(office.seojun, "@dangol reply 누구에게?", channel=TEAM_CHANNEL, thread=card["ts"])
    events = (await requests.get(Actor("staff", 1, "manager"), request.id))["events"]
    assert [e["text"] for e in events if e["kind"] == "commented"] == ["부품 주문함"]
    assert "답장할 곳이" in (await office.seojun.told())[-1]
    assert (await ServiceRequest.get(id=request.id)).status in ("received", "assigned")


async def test_photos_go_both_ways(office: Office) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "PNG")
    talk, root = await begun(office)
    await office.seojun.send("영수증.png", picture.getvalue(), channel=TEAM_CHANNEL, thread=root["ts"],
                             text="@dangol reply 영수증이에요")  # fmt: skip
    await office.heard()
    await office.settle()
    sent = (await conversations.customer_sees(talk.id))[-1]
    assert [f["type"] for f in sent["files"]] == ["image/png"]
    await office.seojun.send("바이러스.exe", b"MZ\x00\x01", channel=TEAM_CHANNEL, thread=root["ts"],
                             text="@dangol reply 이것도요")  # fmt: skip
    await office.heard()
    await office.settle()
    assert len(await heard_by_customer(talk)) == 1
    assert "바이러스.exe" in (await office.seojun.told())[-1]
    note = await conversations.note(office.company.yuna, talk.id, "사진 참고", files=[], now=utc_now())
    await Message.filter(id=note.id).update(text="사진")
    await office.settle()
    assert await office.workspace.refusals() == []


async def test_erasing_a_customer_takes_our_messages_out_of_slack(office: Office) -> None:
    talk, root = await begun(office)
    await office.said(office.seojun, "직원의 메모", channel=TEAM_CHANNEL, thread=root["ts"])
    admin = Actor("staff", office.company.yuna.id, "admin")
    await privacy.erase(admin, talk.contact_id, now=utc_now())
    await office.settle()
    left = (await office.seojun.sees())["messages"][TEAM_CHANNEL]
    assert [m["text"] for m in left] == ["직원의 메모"]


async def test_check_proves_the_tokens_live(office: Office) -> None:
    def values(**changes: str) -> dict[str, str]:
        known = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN, "signing_secret": ""}
        none = {"client_id": "", "client_secret": ""}
        return {**known, **none, "api_url": office.workspace.api, **changes}

    assert "Socket Mode" in await wiring.check(values())
    with pytest.raises(RuntimeError, match="SLACK_APP_TOKEN: not_allowed_token_type"):
        await wiring.check(values(app_token=BOT_TOKEN))
    with pytest.raises(RuntimeError, match="neither"):
        await wiring.check(values(app_token=""))
    with pytest.raises(RuntimeError, match="SLACK_BOT_TOKEN: invalid_auth; copy it"):
        await wiring.check(values(bot_token="xoxb-wrong"))


async def test_check_names_a_scope_that_the_app_lacks(office: Office) -> None:
    given = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN, "api_url": office.workspace.api}
    values = dict.fromkeys(("signing_secret", "client_id", "client_secret"), "") | given
    await office.workspace.fault(scopes=[scope for scope in SCOPES if scope != "groups:read"])
    with pytest.raises(RuntimeError, match="lacks groups:read; add it under OAuth & Permissions"):
        await wiring.check(values)


def test_a_further_workspace_takes_no_secret_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANGOL_SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("DANGOL_SLACK_APP_TOKEN", "xapp-1")
    monkeypatch.setenv("DANGOL_SLACK_BOT_TOKEN__SEOUL", "xoxb-2")
    monkeypatch.setenv("DANGOL_SLACK_SIGNING_SECRET__SEOUL", "its-own")
    found = wiring.apps_of(load())
    assert (found[""]["app_token"], found[""]["signing_secret"]) == ("xapp-1", "")
    assert (found["seoul"]["app_token"], found["seoul"]["signing_secret"]) == ("", "its-own")


def test_an_api_address_must_end_in_api() -> None:
    assert Settings(slack_api_url="http://127.0.0.1:1/api").slack_api_url == "http://127.0.0.1:1/api/"
    with pytest.raises(ValueError, match="must end in /api/"):
        Settings(slack_api_url="http://127.0.0.1:1/")
