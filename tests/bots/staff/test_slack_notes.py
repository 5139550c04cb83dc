"""Nothing that is not an explicit reply reaches a customer, whatever is typed, quoted or mentioned."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots.staff.slack import hearing
from crm import conversations
from crm.models import Message
from tests.bots.staff.conftest import Office
from tests.bots.staff.test_slack_threads import begun, heard_by_customer
from tests.standins.slack_client import TEAM_CHANNEL
from tests.standins.slack_state import BOT

MENTION = f"<@{BOT}>"
REPLY_WORDS = ("reply", "답장", "답변")
spaces = st.sampled_from(["", " ", "\n", "\t", "  "])
pieces = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            [
                MENTION, f"<@{BOT}|dangol>", "<@U0YUNA>", "<!here>", "&gt; ", "> ", "*", "_", "~", "`",
                "```\n", "reply", "답장", "메모", "@dangol", "•", "1. ", "\n", " ", ":reply:",
                "<https://x.example|reply>",
            ]
        ),
    ),
    max_size=8,
)  # fmt: skip


def plainly_explicit(text: str) -> bool:
    """Our own reading of the rule: white space, the mention, then the word, then nothing or white space."""
    rest = text.lstrip()
    for mention in (MENTION, f"<@{BOT}|dangol>"):
        if rest.startswith(mention):
            after = rest[len(mention) :].lstrip(" \t\u00a0").removeprefix(",").removeprefix(":").lstrip()
            first = after.split()[0].casefold().rstrip(":：") if after.split() else ""
            return first in REPLY_WORDS
    return False


@given(parts=pieces)
def test_only_a_mention_and_the_word_at_the_very_beginning_is_a_reply(parts: list[str]) -> None:
    text = "".join(parts)
    if hearing.explicit_reply(text, BOT) is not None:
        assert text.lstrip().startswith(("<@U0DANGOL>", "<@U0DANGOL|"))
        assert plainly_explicit(text) or "|" in text


@given(before=st.text(min_size=1, max_size=30).filter(str.strip), words=st.text(max_size=40), gap=spaces)
def test_a_mention_behind_any_word_is_never_a_reply(before: str, words: str, gap: str) -> None:
    if before.lstrip().startswith("<@"):
        return
    assert hearing.explicit_reply(f"{before}{gap}{MENTION} reply {words}", BOT) is None


WRAPS = ("```{}```", "`{}`", "> {}", "&gt; {}", "*{}*", "_{}_", "~{}~", "• {}", "\u200b{}", "[{}]")


@given(word=st.sampled_from(REPLY_WORDS), wrap=st.sampled_from(WRAPS))
def test_code_quotes_and_formatting_around_it_make_it_a_note(word: str, wrap: str) -> None:
    assert hearing.explicit_reply(wrap.format(f"{MENTION} {word} 보내면 안 돼요"), BOT) is None


@given(text=st.text(max_size=60), other=st.sampled_from(["U0YUNA", "U0GUEST", "U0DANGOL2"]))
def test_another_persons_mention_is_never_ours(text: str, other: str) -> None:
    assert hearing.explicit_reply(f"<@{other}> reply {text}", BOT) is None


odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just(BOT) | st.just("message"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["type", "subtype", "event", "user", "ts", "text", "channel", "thread_ts", "files", "blocks", "message",
     "previous_message", "actions", "view", "container", "command", "user_id", "channel_id", "event_id"]
)  # fmt: skip


@given(body=st.dictionaries(FIELDS, odd, max_size=8), event=st.dictionaries(FIELDS, odd, max_size=10))
def test_no_input_of_any_shape_makes_reading_fail(body: dict[str, Any], event: dict[str, Any]) -> None:
    hearing.read_body(body)
    for kind in ("message", "app_mention", "member_joined_channel", "user_change", "channel_rename"):
        hearing.read_body({"type": "event_callback", "event_id": "Ev1", "event": {**event, "type": kind}})
    for kind in ("block_actions", "view_submission"):
        hearing.read_body({**body, "type": kind})


@given(text=st.text(max_size=200))
def test_what_a_person_typed_survives_slacks_entities(text: str) -> None:
    sent = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert hearing.as_written(sent, {}) == text.strip()


async def test_no_note_of_any_form_reaches_the_customer(office: Office) -> None:
    """Through the wire and the database: what is not explicit is a note, what is explicit goes out."""
    talk, root = await begun(office)
    said: list[str] = []

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(parts=pieces)
    def collect(parts: list[str]) -> None:
        said.append("".join(parts))

    collect()
    texts = [text for text in dict.fromkeys(said) if text.strip() and not plainly_explicit(text)]
    assert len(texts) > 30
    for at, text in enumerate(texts):
        more = (
            {"broadcast": True} if at % 5 == 0 else {"more": {"subtype": "me_message"}} if at % 7 == 0 else {}
        )
        message = await office.seojun.act("say", channel=TEAM_CHANNEL, thread=root["ts"], raw=text, **more)
        if at % 3 == 0:
            changed = f"{MENTION} reply {text}"
            await office.seojun.act("edit", channel=TEAM_CHANNEL, ts=message["ts"], raw=changed)
    await office.heard()
    await office.settle()
    assert await heard_by_customer(talk) == []
    assert await Message.filter(conversation_id=talk.id, direction="note").count() > 20
    shown = await conversations.customer_sees(talk.id)
    assert {m["direction"] for m in shown} == {"in"}


async def test_other_bots_and_odd_kinds_of_messages_are_no_notes(office: Office) -> None:
    talk, root = await begun(office)
    at = {"channel": TEAM_CHANNEL, "thread_ts": root["ts"], "user": "U0SEOJUN", "type": "message"}
    for number, more in enumerate(
        [{"bot_id": "B1"}, {"subtype": "bot_message"}, {"subtype": "channel_join"}, {"hidden": True}]
    ):
        event = {**at, "ts": f"1700000000.00000{number}", "text": f"{MENTION} reply 나가면 안 돼요", **more}
        await office.workspace.post("/standin/emit", event)
    await office.heard()
    await office.settle()
    assert await heard_by_customer(talk) == []
    assert await Message.filter(conversation_id=talk.id, direction="note").count() == 0
