"""What an event of Slack leads to, within its transaction: an act of the registry, and answers to show.

A message reaches a customer by `_reply` alone, which only `hearing.explicit_reply`, the reply modal and
`/dangol reply` lead to. Everything else that is written below a card is an internal note.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bots import splitting
from bots.staff import commands, lookups, request_acts, spoken
from bots.staff.acts import perform
from bots.staff.slack import answering, hearing, modals
from bots.staff.slack.answering import Answers
from bots.staff.slack.cards import ASSIGN, HAND_BACK, OPEN_DESK, REPLY, RESOLVE, TAKE, Look, read_value
from bots.staff.slack.ready import Ready
from bots.web.desk import faults
from crm import db, slack_cards, slack_views, staff, staff_inbox
from crm.actor import Actor, check
from crm.errors import Conflict, CrmError, Invalid
from crm.slack_cards import Card
from crm.staff_inbox import Event

ACTS = (commands, request_acts)  # imported so that they are registered
NOTE_LONGEST = 4000  # a longer one becomes several
EARLY_ATTEMPTS = 3  # of an edit that overtook its message


class TooEarly(Exception):
    """The message that was edited has not arrived yet."""


class Acting:
    """`looks` gives the words of a language."""

    def __init__(self, looks: Callable[[str], Look]) -> None:
        self._looks = looks

    async def act(self, ready: Ready, now: datetime) -> int | None:
        """Do it; the message of ours that it became, if any. Expected faults are answered in words."""
        answers = Answers(ready, self._looks(ready.known.locale), now)
        if ready.known.actor is None:
            await self._stranger(ready, answers)
            return None
        try:
            async with db.savepoint():
                return await self._do(ready, ready.known.actor, answers, now)
        except CrmError as fault:
            await answers.fault(faults.words(fault, answers.look.lang), kept=_kept(ready, fault))
            return None

    async def apologise(self, event: Event, now: datetime) -> None:
        """It was given up: say so to whoever did it."""
        await answering.apologise(event, self._looks(""), now)

    async def _stranger(self, ready: Ready, answers: Answers) -> None:
        """An honest answer and nothing else."""
        if ready.event.kind == "edit":
            return
        await answers.say(answers.look.t(f"not.{ready.known.state}"))

    async def _do(self, ready: Ready, actor: Actor, answers: Answers, now: datetime) -> int | None:
        match ready.event.kind:
            case "message":
                return await self._message(ready, actor, answers, now)
            case "edit":
                await self._edit(ready, actor, answers, now)
            case "command":
                said = spoken.read(str(ready.data["text"])) or spoken.Spoken("help")
                return await self._command(said, ready, actor, answers, now)
            case "press":
                await self._press(ready, actor, answers, now)
            case "submit":
                return await self._submit(ready, actor, now)
        return None

    # --- messages

    async def _message(self, ready: Ready, actor: Actor, answers: Answers, now: datetime) -> int | None:
        data = ready.data
        card = await slack_cards.at(ready.event.account, str(data["channel"]), str(data["thread"]))
        if card is None:
            return await self._aside(ready, actor, answers, now)
        if ready.place is None or not ready.place.confidential:
            await answers.say(answers.look.t("not_here"))
            return None
        reply = hearing.explicit_reply(str(data["text"]), ready.bot)
        if reply is not None:
            return await self._explicit(reply, card, ready, actor, answers, now)
        said = hearing.spoken(str(data["text"]), ready.bot)
        if said is not None and _asks(said):
            return await self._command(said, ready, actor, answers, now)
        words = said.rest if said is not None and said.name == "note" else str(data["text"])
        return await self._note(words, card, ready, actor, answers, now)

    async def _aside(self, ready: Ready, actor: Actor, answers: Answers, now: datetime) -> int | None:
        """Outside every thread of ours: commands by mention, or by a message to us alone."""
        rest = hearing.addressed(str(ready.data["text"]), ready.bot)
        if rest is None:
            rest = str(ready.data["text"]) if ready.data.get("direct") else ""
        said = spoken.read(rest) or spoken.Spoken("help")
        return await self._command(said, ready, actor, answers, now)

    async def _explicit(
        self, words: str, card: Card, ready: Ready, actor: Actor, answers: Answers, now: datetime
    ) -> int | None:
        """`@dangol reply …`: the words and files of this message go to the customer."""
        text = hearing.as_written(words, ready.names)
        if not text and not ready.files:
            await answers.say(answers.look.t("reply_what"))
            return None
        if ready.faults:  # half of what they meant must not go out
            await answers.say(answers.look.t("files_refused_reply", names=", ".join(ready.faults)))
            return None
        conversation = await _conversation(card)
        sent = await self._reply(conversation, text, actor, now, files=ready.files)
        await answers.react("white_check_mark")
        return sent

    async def _reply(
        self,
        conversation: int,
        text: str,
        actor: Actor,
        now: datetime,
        *,
        files: list[str] | None = None,
        seen: int | None = None,
    ) -> int:
        """The one way from Slack to a customer."""
        args = {"conversation": conversation, "text": text, "files": files or [], "expected_seq": seen}
        return int((await perform(actor, "reply", args, now)).result["message"])

    async def _note(
        self, words: str, card: Card, ready: Ready, actor: Actor, answers: Answers, now: datetime
    ) -> int | None:
        text = hearing.as_written(words, ready.names)
        if ready.faults:
            text = f"{text}\n\n{answers.look.t('files_refused', names=', '.join(ready.faults))}".strip()
        if not text and not ready.files:
            return None
        pieces = splitting.split(text, NOTE_LONGEST, len) or [""]
        kept: int | None = None
        for at, piece in enumerate(pieces):
            given = ready.files if at == 0 else []
            kept = kept or await self._keep(card, piece, given, actor, now)
        await answers.react("memo")
        return kept

    async def _keep(self, card: Card, text: str, given: list[str], actor: Actor, now: datetime) -> int | None:
        row = await slack_views.request(card.subject_id) if card.subject == "request" else None
        if row is not None and row["conversation_id"] is None:
            args: dict[str, Any] = {"request": card.subject_id, "text": text or "📎", "files": given}
            await perform(actor, "request_comment", args, now)
            return None
        conversation = row["conversation_id"] if row else card.subject_id
        noted = await perform(
            actor, "note", {"conversation": conversation, "text": text, "files": given}, now
        )
        return int(noted.result["message"])

    async def _edit(self, ready: Ready, actor: Actor, answers: Answers, now: datetime) -> None:
        """An edited note is an edited note. Nothing that is edited is ever sent."""
        event, data = ready.event, ready.data
        name = hearing.name_of(str(data["channel"]), str(data["ts"]))
        message_id = await staff_inbox.became(event.face, event.account, name)
        if message_id is None:
            if event.attempts < EARLY_ATTEMPTS and not await staff_inbox.known(
                event.face, event.account, name
            ):
                raise TooEarly
            return
        message = await slack_views.message(message_id)
        if message is not None and message["direction"] == "out":
            await answers.say(answers.look.t("sent_already"))
            return
        said = hearing.spoken(str(data["text"]), ready.bot)
        words = said.rest if said is not None and said.name in ("note", "reply") else str(data["text"])
        if text := hearing.as_written(words, ready.names)[:NOTE_LONGEST]:
            await perform(actor, "note_amend", {"message": message_id, "text": text}, now)

    # --- commands

    async def _command(
        self, said: spoken.Spoken, ready: Ready, actor: Actor, answers: Answers, now: datetime
    ) -> int | None:
        if said.name in ("reply", "note"):
            return await self._to_target(said, ready, actor, answers, now)
        if said.name == "help":
            await answers.help()
            return None
        await self._look_up(said.name, said.rest, "", ready, actor, answers)
        return None

    async def _to_target(
        self, said: spoken.Spoken, ready: Ready, actor: Actor, answers: Answers, now: datetime
    ) -> int | None:
        target, rest = spoken.target(said.rest)
        text = hearing.as_written(rest, ready.names)
        if not target or not text:
            await answers.say(answers.look.t(f"{said.name}_target"))
            return None
        conversation = await lookups.conversation_of(target)
        if said.name == "reply":
            kept = await self._reply(conversation, text, actor, now)
        else:
            done = await perform(actor, "note", {"conversation": conversation, "text": text}, now)
            kept = int(done.result["message"])
        await answers.say(answers.look.t(f"done.{said.name}", target=target))
        return kept

    async def _look_up(
        self, name: str, words: str, after: str, ready: Ready, actor: Actor, answers: Answers
    ) -> None:
        words = hearing.as_written(words, ready.names)
        if name == "find":
            found = await lookups.find(actor, words, after)
        elif name == "mine":
            found = await lookups.mine(actor, after)
        elif words:
            found = await lookups.one_request(actor, words)
        else:
            found = await lookups.open_requests(actor, after)
        await answers.found(name, words, found)

    # --- buttons and modals

    async def _press(self, ready: Ready, actor: Actor, answers: Answers, now: datetime) -> None:
        action, value = str(ready.data["action"]), str(ready.data["value"])
        if action == OPEN_DESK:
            return
        if action == answering.MORE:
            name, words, after = answering.read_more(value)
            await self._look_up(name, words, after, ready, actor, answers)
            return
        subject = read_value(value)
        if subject is None:
            return
        kind, number = subject
        if action == TAKE and kind == "conversation":
            await perform(actor, "take", {"conversation": number}, now)
        elif action == TAKE:
            await perform(actor, "request_assign", {"request": number, "staff": actor.id}, now)
        elif action == HAND_BACK and kind == "conversation":
            await perform(actor, "hand_back", {"conversation": number}, now)
        elif action in modals.OPENING:
            await self._fill(action, kind, number, ready, actor, answers)

    async def _fill(
        self, action: str, kind: str, number: int, ready: Ready, actor: Actor, answers: Answers
    ) -> None:
        """Put the form into the modal that was opened when the button was pressed."""
        event, look = ready.event.external_id, answers.look
        meta: dict[str, Any] = {"kind": kind, "id": number, "channel": ready.data["channel"]}
        try:
            check(actor, "conversation.write" if kind == "conversation" else "request.write")
            if action == REPLY:
                view = await self._reply_form(look, kind, number, meta, event)
            elif action == RESOLVE:
                request = await slack_views.request(number)
                view = modals.resolve(look, request["number"] if request else "", meta, event)
            else:
                view = await self._assign_form(look, kind, number, meta, event)
        except CrmError as fault:
            view = modals.refused(look, faults.words(fault, look.lang), event)
        await answers.view(view)

    async def _reply_form(
        self, look: Look, kind: str, number: int, meta: dict[str, Any], event: str
    ) -> dict[str, Any]:
        request = await slack_views.request(number) if kind == "request" else None
        row = await slack_views.conversation(request["conversation_id"] if request else number)
        if row is None:
            raise Conflict("no_conversation")
        way = look.word(f"channel.{row['channel']}")
        meta |= {"conversation": row["id"], "seq": row["message_seq"]}
        return modals.reply(look, row["name"] or look.t("nameless"), way, meta, event)

    async def _assign_form(
        self, look: Look, kind: str, number: int, meta: dict[str, Any], event: str
    ) -> dict[str, Any]:
        row = await (slack_views.conversation if kind == "conversation" else slack_views.request)(number)
        people = [(each.id, look.name_of(each)) for each in await staff.list_staff()]
        return modals.assign(look, people, row["assignee_id"] if row else None, meta, event)

    async def _submit(self, ready: Ready, actor: Actor, now: datetime) -> int | None:
        meta, values, callback = _meta(ready), ready.data["values"], str(ready.data["callback"])
        text = str(values.get(modals.TEXT) or "").strip()
        if callback == REPLY:
            return await self._reply(int(meta["conversation"]), text, actor, now, seen=int(meta["seq"]))
        if callback == RESOLVE:
            await perform(actor, "request_resolve", {"request": int(meta["id"]), "reason": text}, now)
        elif callback == ASSIGN:
            given = str(values.get(modals.STAFF) or modals.NOBODY)
            who = int(given) if given.isdecimal() and given != modals.NOBODY else None
            if meta["kind"] == "conversation":
                await perform(actor, "assign", {"conversations": [int(meta["id"])], "staff": who}, now)
            else:
                await perform(actor, "request_assign", {"request": int(meta["id"]), "staff": who}, now)
        return None


def _asks(said: spoken.Spoken) -> bool:
    """Whether a mention in a thread asks us something; anything looser is kept as a note."""
    if said.name == "request":
        return not said.rest or bool(spoken.target(said.rest)[0])
    return said.name == "find" or (said.name in ("mine", "help") and not said.rest)


async def _conversation(card: Card) -> int:
    """The conversation that a thread is about. Raises `Conflict` for a request that came without one."""
    if card.subject == "conversation":
        return card.subject_id
    row = await slack_views.request(card.subject_id)
    if row is None or row["conversation_id"] is None:
        raise Conflict("no_conversation")
    return int(row["conversation_id"])


def _meta(ready: Ready) -> Mapping[str, Any]:
    try:
        meta = json.loads(str(ready.data["meta"]))
    except ValueError:
        raise Invalid("meta", "wrong") from None
    return meta if isinstance(meta, dict) else {}


def _kept(ready: Ready, fault: CrmError) -> str:
    """What the person wrote into a modal that was refused, so that it is not lost."""
    del fault
    return str(ready.data["values"].get(modals.TEXT) or "") if ready.event.kind == "submit" else ""
