"""Telegram: polling or webhook in, the Bot API out (https://core.telegram.org/bots/api).

An update is stored before Telegram hears that we have it: the next `getUpdates` moves past it, or the webhook
answers 200. Redelivered updates change nothing, since chat and message number name a message for good.
"""

import asyncio
import contextlib
import hmac
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import structlog
from aiohttp import web

from bots.channels import telegram_requests, telegram_updates
from bots.channels.base import Blocked, Caps, Moved, Outbound, Ports, Receive, RetryLater, Undeliverable, Wire
from bots.channels.offered_choices import read_more
from bots.channels.telegram_requests import CAPS
from bots.channels.telegram_updates import COMMANDS, DOWNLOAD_MAX, WANTED, Facts, Pressed
from bots.web import i18n
from bots.web.security import RateLimit
from crm.errors import Invalid
from crm.inbox import Inbound

os.environ.setdefault("PTB_TIMEDELTA", "true")  # the library's coming form of `retry_after`; else it warns

import telegram
from telegram import error as faults
from telegram.request import HTTPXRequest

log = structlog.get_logger()

POLL_SECONDS = 20
ATTEMPTS = 5  # at one update that cannot be handled, before it is passed over
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  (a header's name)
LONGEST_UPDATE = 1024 * 1024
WRONG_TOKEN_PAUSE_SECONDS = 300.0
LINK = "https://t.me"


class TelegramChannel:
    """One bot."""

    name: ClassVar[str] = telegram_updates.CHANNEL
    caps: ClassVar[Caps] = CAPS
    exclusive = True  # Telegram gives updates to one poller only, and has one webhook

    def __init__(
        self, account: str, token: str, api_url: str, webhook_secret: str, ports: Ports, link: str = LINK
    ) -> None:
        self.account = account
        self._link = link
        self._root = api_url
        self._secret = webhook_secret
        self._ports = ports
        self._request = HTTPXRequest(connection_pool_size=64, read_timeout=30.0, pool_timeout=30.0)
        self._bot = telegram.Bot(
            token,
            base_url=f"{api_url}/bot",
            base_file_url=f"{api_url}/file/bot",
            request=self._request,
            get_updates_request=self._request,
        )
        self._started = asyncio.Lock()
        self._ready = False
        self._chats: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._downloads: dict[str, int] = {}  # failed attempts
        self._declines = RateLimit(rate=20 / 60, burst=20)  # 20 a minute in one group

    @property
    def path(self) -> str:
        """Where Telegram calls us when there is a webhook."""
        return f"/channels/telegram/{self.account}" if self.account else "/channels/telegram"

    # --- in

    def parse(self, payload: Mapping[str, Any]) -> Inbound | None:
        """The message or choice of an update; edits, blocks and groups are none."""
        found = telegram_updates.read(payload, self.account, datetime.now(UTC))
        return None if found.edited else found.inbound

    async def run(self, receive: Receive) -> None:
        """Poll, or set the webhook and leave the rest to its route."""
        bot = await self._running()
        await self._tell_commands(bot)
        if self._secret:
            url = f"{self._ports.public_url}{self.path}"
            await bot.set_webhook(url, secret_token=self._secret, allowed_updates=WANTED)
            log.info("telegram.webhook_set", account=self.account)
            await asyncio.Event().wait()
        await bot.delete_webhook()
        await self._poll(bot, receive)

    async def _poll(self, bot: telegram.Bot, receive: Receive) -> None:
        offset: int | None = None
        failed: dict[int, int] = {}
        while True:
            for update in await self._updates(bot, offset):
                number = int(update["update_id"])
                try:
                    await self.handle(update, receive)
                except (faults.TelegramError, OSError, ConnectionError):
                    raise  # the same update comes again
                except Exception as fault:
                    failed[number] = failed.get(number, 0) + 1
                    log.warning("telegram.update_failed", account=self.account, fault=type(fault).__name__)
                    if failed[number] < ATTEMPTS:
                        await asyncio.sleep(1.0)
                        break
                failed.pop(number, None)
                offset = number + 1

    async def _updates(self, bot: telegram.Bot, offset: int | None) -> list[dict[str, Any]]:
        """Updates as Telegram writes them: read by the library, one that it does not know hides them all."""
        asked: dict[str, Any] = {"timeout": POLL_SECONDS, "allowed_updates": list(WANTED)}
        if offset is not None:
            asked["offset"] = offset
        # Method names are case-insensitive (https://core.telegram.org/bots/api#making-requests); of this
        # spelling the library has no method of its own to insist on.
        found: list[dict[str, Any]] = await bot.do_api_request(
            "getupdates", api_kwargs=asked, read_timeout=POLL_SECONDS + 10.0
        )
        return found

    def routes(self, app: web.Application, receive: Receive) -> None:
        """The webhook, when there is a secret for it."""
        if not self._secret:
            return

        async def webhook(request: web.Request) -> web.Response:
            given = request.headers.get(SECRET_HEADER, "")
            if not hmac.compare_digest(given.encode(), self._secret.encode()):
                return web.Response(status=403)
            if (request.content_length or 0) > LONGEST_UPDATE:
                return web.Response(status=413)
            await self.handle(await request.json(), receive)
            return web.Response()

        app.router.add_post(self.path, webhook)

    async def handle(self, update: Mapping[str, Any], receive: Receive) -> None:
        """Do what an update asks for; its message is stored when this returns."""
        found = telegram_updates.read(update, self.account, datetime.now(UTC))
        if found.moved:
            await self._ports.moved(self.account, *found.moved)
        if found.group is not None:
            await self._decline(found.group)
        if found.reachable is not None:
            await self._ports.reachable(self.account, found.user, found.reachable)
        if found.inbound:
            lock = self._chats.setdefault(found.inbound.external_user, asyncio.Lock())
            async with lock:  # one chat in order, chats beside one another
                await self._take(found, found.inbound, receive)
        if found.pressed:
            await self._answer(found.pressed, found.inbound.choice if found.inbound else "")

    async def _take(self, found: Facts, inbound: Inbound, receive: Receive) -> None:
        if found.edited:
            await self._ports.edited(inbound)
            return
        tokens, refused = await self._fetch(found, inbound)
        data = {**inbound.data, "refused": refused} if refused else inbound.data
        await receive(replace(inbound, files=tokens, data=data))

    async def _fetch(self, found: Facts, inbound: Inbound) -> tuple[tuple[str, ...], list[str]]:
        """Keep the files of a message; those that cannot be taken by name."""
        bot = await self._running()
        tokens, refused = [], []
        for one in found.attachments:
            if one.size > DOWNLOAD_MAX:
                refused.append(one.name)
                continue
            try:
                content = bytes(await (await bot.get_file(one.file_id)).download_as_bytearray())
                tokens.append(await self._ports.keep_file(inbound, one.name, content))
            except (Invalid, faults.BadRequest):
                refused.append(one.name)
            except faults.NetworkError:
                if self._failed_often(one.file_id):  # else it would hold up everybody behind it
                    refused.append(one.name)
                else:
                    raise
        return tuple(tokens), refused

    def _failed_often(self, file_id: str) -> bool:
        """Count a failed download; whether it is time to give up."""
        if len(self._downloads) > 1000:
            self._downloads.clear()
        self._downloads[file_id] = self._downloads.get(file_id, 0) + 1
        return self._downloads[file_id] >= ATTEMPTS

    async def _answer(self, pressed: Pressed, choice: str) -> None:
        """Stop the button's waiting sign and retire the buttons: the chosen words stand there instead."""
        bot = await self._running()
        with contextlib.suppress(faults.TelegramError):  # too late or already done: nothing is lost by it
            await bot.answer_callback_query(pressed.query_id)
        if not choice or read_more(choice) or pressed.chat_id is None or pressed.message_id is None:
            return
        chosen = f"{pressed.text}\n\n✓ {pressed.label}" if pressed.text else ""
        chat, message = pressed.chat_id, pressed.message_id
        with contextlib.suppress(faults.TelegramError):
            if chosen and self.caps.measure(chosen) <= self.caps.text_max:
                await bot.edit_message_text(chosen, chat_id=chat, message_id=message)
            else:
                await bot.edit_message_reply_markup(chat_id=chat, message_id=message)

    async def _decline(self, group: int) -> None:
        """We talk to one person at a time: say so and leave."""
        if not self._declines.take(str(group), time.monotonic()):
            return
        bot = await self._running()
        words = f"{i18n.t('ko', 'channels.groups_declined')}\n{i18n.t('en', 'channels.groups_declined')}"
        with contextlib.suppress(faults.TelegramError):
            await bot.send_message(group, words)
            await bot.leave_chat(group)

    async def _tell_commands(self, bot: telegram.Bot) -> None:
        """The menu of commands: Korean for everybody, English where Telegram runs in English."""
        for lang, code in (("ko", None), ("ko", "ko"), ("en", "en")):
            menu = [(name, i18n.t(lang, f"channels.command.{name}.menu")) for name in COMMANDS]
            await bot.set_my_commands(menu, language_code=code)

    # --- out

    def render(self, message: Outbound) -> list[Wire]:
        """Requests of the Bot API."""
        return telegram_requests.render(message)

    async def send(self, message: Wire) -> str:
        """Ask the Bot API; returns `chat:message`. A 429 makes only this recipient wait."""
        try:
            sent = await self._send(await self._running(), message)
        except faults.RetryAfter as fault:
            raise RetryLater(fault._retry_after.total_seconds()) from fault
        except faults.ChatMigrated as fault:
            raise Moved(str(fault.new_chat_id)) from fault
        except faults.InvalidToken as fault:
            log.error("telegram.token_refused", account=self.account)
            raise RetryLater(WRONG_TOKEN_PAUSE_SECONDS) from fault
        except faults.Forbidden as fault:
            raise Blocked from fault
        except faults.BadRequest as fault:
            raise Undeliverable(fault.message[:100]) from fault
        return f"{message.to}:{sent.message_id}"

    async def _send(self, bot: telegram.Bot, message: Wire) -> telegram.Message:
        chat, payload = int(message.to), message.payload
        if payload["method"] == "sendMessage":
            return await bot.send_message(chat, payload["text"], reply_markup=_markup(payload))
        if payload["method"] == "sendMediaGroup":
            return await self._send_album(bot, chat, payload["files"])
        content = await self._ports.read_file(payload["token"])
        name, caption = payload["name"], payload["caption"] or None
        ask = getattr(bot, _METHODS[payload["method"]])
        try:
            sent: telegram.Message = await ask(chat, content, caption=caption, filename=name)
        except faults.BadRequest:
            if payload["method"] == "sendDocument":
                raise
            sent = await bot.send_document(chat, content, caption=caption, filename=name)
        return sent

    async def _send_album(
        self, bot: telegram.Bot, chat: int, files: list[Mapping[str, str]]
    ) -> telegram.Message:
        media = [
            telegram.InputMediaPhoto(
                await self._ports.read_file(file["token"]),
                caption=file["caption"] or None,
                filename=file["name"],
            )
            for file in files
        ]
        return (await bot.send_media_group(chat, media))[0]

    async def opening(self, token: str) -> str:
        """Where a customer opens a chat with us that begins with `/start token`; '' while Telegram does not
        answer (https://core.telegram.org/bots/features#deep-linking)."""
        try:
            return f"{self._link}/{(await self._running()).username}?start={token}"
        except (faults.TelegramError, OSError) as fault:
            log.warning("telegram.no_link", account=self.account, fault=type(fault).__name__)
            return ""

    # --- set-up

    async def check(self) -> str:
        """Who the token says we are, and how updates come."""
        try:
            bot = await self._running()
            me, hook = await bot.get_me(), await bot.get_webhook_info()
        except faults.InvalidToken as fault:
            raise RuntimeError("the token is refused; get it again from @BotFather") from fault
        except faults.NetworkError as fault:
            raise RuntimeError(f"Telegram does not answer at {self._root}: {type(fault).__name__}") from fault
        way = "webhook" if self._secret else "polling"
        if self._secret and not self._ports.public_url.startswith("https://"):
            raise RuntimeError("a webhook needs DANGOL_PUBLIC_URL with https://")
        if hook.last_error_message:
            way += f", Telegram's last fault: {hook.last_error_message[:80]}"
        return f"@{me.username}, {way}"

    async def close(self) -> None:
        """Close the connections, also of a bot that Telegram did not let in."""
        async with self._started:
            self._ready = False
            await self._request.shutdown()

    async def _running(self) -> telegram.Bot:
        async with self._started:
            if not self._ready:
                await self._bot.initialize()
                self._ready = True
        return self._bot


def _markup(payload: Mapping[str, Any]) -> Any:
    """What stands below a text: buttons, the key that shares a number, or that key no longer."""
    if rows := payload.get("keyboard"):
        return telegram.InlineKeyboardMarkup(
            [[telegram.InlineKeyboardButton(**button) for button in row] for row in rows]
        )
    if label := payload.get("share_phone"):
        key = telegram.KeyboardButton(label, request_contact=True)
        return telegram.ReplyKeyboardMarkup([[key]], resize_keyboard=True, one_time_keyboard=True)
    return telegram.ReplyKeyboardRemove() if payload.get("no_keys") else None


_METHODS = {
    "sendPhoto": "send_photo",
    "sendVideo": "send_video",
    "sendVoice": "send_voice",
    "sendAudio": "send_audio",
    "sendAnimation": "send_animation",
    "sendDocument": "send_document",
}


def make(account: str, values: Mapping[str, str], ports: Ports) -> TelegramChannel:
    """The bot of one account's settings."""
    link = values.get("link_url") or LINK
    return TelegramChannel(
        account, values["token"], values["api_url"], values["webhook_secret"], ports, link.rstrip("/")
    )
