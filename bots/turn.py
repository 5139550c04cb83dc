"""The turn: one stored message becomes dialogue state, CRM change and replies, in one transaction.

`prepare` runs outside any transaction and may be slow (it parses); `commit` runs inside the worker's fenced
transaction and does all the writing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from actions import verify
from actions.people import BACK_TO_BOT, wants_bot
from actions.said import is_yes, points
from bots import answers, learning
from crm import advertising, choices, dialogue, gate, outbox, ownership, privacy
from crm.actor import SYSTEM
from crm.models import Conversation
from crm.request_rules import read_number
from nlu import letter, parsing
from nlu.engine import Engine
from nlu.language import detect

# After this silence a new session begins and an open form is forgotten.
SESSION = timedelta(hours=2)
# Channels whose page shows the privacy notice itself, beside the conversation.
SHOWS_NOTICE = frozenset({"web", "terminal"})
# Channels on which people write letters: many sentences, with a greeting and a closing.
LETTERS = frozenset({"email"})
# Words below a photo that wish nothing: the photo is what was said.
CIVIL = frozenset({"greet", "goodbye", "thank", "chitchat"})


@dataclass(frozen=True)
class Spoken:
    """What the worker hands over: one message, or several answered as one."""

    inbox_id: int
    conversation_id: int
    kind: str  # message, choice, file, event
    text: str
    choice: str
    files: int
    in_reply_to: str | None
    received_at: datetime
    place: bool = False  # a place on the map was shared; `text` is what the channel wrote of it


@dataclass(frozen=True)
class Prepared:
    """A message ready for its transaction."""

    spoken: Spoken
    silent: bool  # a person owns the conversation, or the contact is blocked
    text: str = ""
    parsed: Mapping[str, Any] = field(default_factory=dict)
    snapshot: str | None = None
    expired: bool = False
    language: str = "ko"
    contact_id: int = 0
    channel: str = ""
    pressed: bool = False  # a button: `text` is its label, not the customer's own words
    comes_back: bool = False  # the customer would rather go on with the bot while nobody has come


def _written_in(spoken: Spoken) -> str | None:
    """The language of typed words that never reached the model; a button tells none."""
    return None if spoken.choice else detect(spoken.text)


def _pointed(text: str) -> dict[str, Any]:
    """What words mean that only point at something: the request they name, else nothing for certain."""
    if read_number(text) is None:
        return parsing.certain("nlu_fallback", text)
    told = {"entity": "request_no", "value": text, "start": 0, "end": len(text)}  # crm finds it in there
    return parsing.certain("check_request", text, [told])


class TurnHandler:
    """Answers messages with the engine in force. `engine` is asked at each message: models are swapped."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine

    async def prepare(self, spoken: Spoken) -> Prepared:
        """Read the conversation and understand the message. No transaction may be open."""
        partner = await dialogue.partner(spoken.conversation_id)
        conversation = partner.conversation
        if partner.blocked:
            return Prepared(spoken, silent=True)
        if conversation.owner != "bot" and not await self._comes_back(spoken, conversation):
            return Prepared(spoken, silent=True)
        memory = await dialogue.recall(conversation.id)
        if conversation.channel in LETTERS:
            spoken = replace(spoken, text=letter.bare(spoken.text))
        text, parsed, pressed = await self._understand(spoken, conversation)
        return Prepared(
            spoken,
            silent=False,
            text=text,
            parsed=parsed,
            snapshot=memory.body if memory else None,
            expired=memory is not None and spoken.received_at - memory.at > SESSION,
            language=str(parsed.get("language") or _written_in(spoken) or conversation.locale),
            contact_id=conversation.contact_id,
            channel=conversation.channel,
            pressed=pressed,
            comes_back=conversation.owner != "bot",
        )

    async def _comes_back(self, spoken: Spoken, conversation: Conversation) -> bool:
        """Whether the customer would rather go on with the bot, and no person has taken the conversation."""
        if conversation.assignee_id is not None:
            return False
        pressed = await self._pressed(spoken) if spoken.choice else None
        return wants_bot(spoken.text) or (pressed is not None and pressed["payload"] == BACK_TO_BOT)

    async def _understand(
        self, spoken: Spoken, conversation: Conversation
    ) -> tuple[str, Mapping[str, Any], bool]:
        """The words, what they mean, and whether a button stands for them."""
        if conversation.owner != "bot" and wants_bot(spoken.text):
            return spoken.text, parsing.certain("help", spoken.text), True
        pressed = await self._pressed(spoken)
        if pressed is not None and pressed["payload"] == BACK_TO_BOT:
            return choices.said(pressed), parsing.certain("help", choices.said(pressed)), True
        if pressed is not None:
            label = choices.said(pressed)
            own_words = not spoken.choice and label.casefold() != spoken.text.strip().casefold()
            said = spoken.text if own_words else label
            as_button = not own_words or is_yes(said)
            return said, parsing.command(str(pressed["payload"]), text=said), as_button
        if advertising.refuses(spoken.text):
            return spoken.text, parsing.certain("opt_out", spoken.text), True  # the law wants no guess here
        if verify.says_known(spoken.text):
            return spoken.text, parsing.certain(verify.INTENT, spoken.text), True
        if not spoken.text.strip():
            return "", parsing.certain("send_file" if spoken.files else "nlu_fallback", ""), False
        return await self._read(spoken, conversation.channel)

    async def _read(self, spoken: Spoken, channel: str) -> tuple[str, Mapping[str, Any], bool]:
        """What the model makes of typed words; of a letter sentence by sentence."""

        if spoken.place:
            told = {"entity": "address", "value": spoken.text, "start": 0, "end": len(spoken.text)}
            return spoken.text, parsing.certain("send_file", spoken.text, [told]), False
        if points(spoken.text) and not spoken.files:
            return spoken.text, _pointed(spoken.text), False

        async def parse(text: str) -> dict[str, Any]:
            return await self._engine().parse(text, at=spoken.received_at)

        if channel not in LETTERS:
            read: Mapping[str, Any] = await parse(spoken.text)
            if spoken.files and read["intent"]["name"] in CIVIL:
                read = parsing.certain("send_file", spoken.text)
            return spoken.text, read, False
        return spoken.text, await letter.understand(spoken.text, parse, at=spoken.received_at), False

    async def _pressed(self, spoken: Spoken) -> Mapping[str, Any] | None:
        """The choice that was pressed, or that the typed words amount to under the newest message."""
        if spoken.choice:
            known: Mapping[str, Any] | None = await choices.known(spoken.conversation_id, spoken.choice)
            return known
        return await answers.meant(spoken.conversation_id, spoken.text)

    async def commit(self, prepared: Prepared) -> None:
        """Run the dialogue and write everything it leads to. Inside the worker's transaction."""
        spoken = prepared.spoken
        if prepared.silent:
            # What was said to a person is not in the bot's memory: it begins anew when it speaks again.
            await dialogue.forget(spoken.conversation_id)
            source = f"message:{spoken.inbox_id}"
            await gate.hear(spoken.conversation_id, spoken.text, source=source, now=spoken.received_at)
            return
        conversation = await ownership.locked(spoken.conversation_id)
        if prepared.comes_back and conversation.owner == "staff" and conversation.assignee_id is None:
            await ownership.hand_back(SYSTEM, spoken.conversation_id, spoken.received_at)
            conversation.owner = "bot"
        if conversation.owner != "bot":
            return  # a person took over while we read; theirs is the word now
        engine = self._engine()
        turned = await engine.turn(
            sender=str(spoken.conversation_id),
            text=prepared.text,
            parsed=prepared.parsed,
            snapshot=prepared.snapshot,
            metadata={
                "conversation_id": spoken.conversation_id,
                "contact_id": conversation.contact_id,
                "inbox_id": spoken.inbox_id,
                "audience": "customer",
                "channel": prepared.channel,
                "files": spoken.files,
                "pressed": prepared.pressed,
                "place": spoken.place,
            },
            slots={"language": prepared.language},
            at=spoken.received_at,
            expired=prepared.expired,
        )
        await self._remember(prepared, turned.snapshot, engine.fingerprint, conversation.misses)
        await learning.note(
            spoken.conversation_id, spoken.inbox_id, prepared.text, prepared.parsed, turned,
            pressed=prepared.pressed, language=prepared.language, missed_before=conversation.misses,
            now=spoken.received_at,
        )  # fmt: skip
        await self._answer(prepared, turned.replies)

    async def _remember(self, prepared: Prepared, body: str, model: str, misses: int) -> None:
        spoken = prepared.spoken
        await dialogue.remember(spoken.conversation_id, body, model=model, now=spoken.received_at)
        await dialogue.speaks(spoken.conversation_id, prepared.language)
        if prepared.parsed.get("band") == "act":
            await dialogue.understood(spoken.conversation_id, misses)

    async def _answer(self, prepared: Prepared, replies: Sequence[Mapping[str, Any]]) -> None:
        spoken = prepared.spoken
        conversation = (await dialogue.partner(spoken.conversation_id)).conversation
        person = conversation.contact_id  # maybe merged since the message was prepared
        notice = await privacy.notice(person, channel=prepared.channel, now=spoken.received_at)
        if notice and prepared.channel not in SHOWS_NOTICE:
            replies = [{"text": notice}, *replies]
        # A turn that hands over still says so, as a notice: by then a person owns the conversation.
        purpose = "reply" if conversation.owner == "bot" else "info"
        for reply in replies:
            custom = reply.get("custom") or {}
            pressable = [{"label": b["title"], "payload": b["payload"]} for b in reply.get("buttons") or []]
            buttons, cards = choices.mint(pressable, custom.get("cards") or [])
            asks = {"asks": str(custom["asks"])} if custom.get("asks") else None
            await outbox.put(
                spoken.conversation_id,
                author="bot",
                text=str(reply.get("text") or ""),
                purpose=purpose,
                choices=buttons,
                cards=cards,
                inbox_id=spoken.inbox_id,
                in_reply_to=spoken.in_reply_to,
                lang=prepared.language,
                data=asks,
                now=spoken.received_at,
            )
