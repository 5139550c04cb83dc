"""An item of the outbox as the message that a channel gets: public choices, signed files, who writes."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bots.channels.base import Outbound, OutFile, Undeliverable
from bots.mailroom import dress
from bots.sender import compose as plain
from bots.web import i18n
from crm import choices, codes, company, files, page_links, routing
from crm.models import File, Staff
from crm.outbox import Item


def composer(public_url: str) -> Callable[[Item], Awaitable[Outbound]]:
    """Compose messages whose links begin with `public_url`."""

    async def compose(item: Item) -> Outbound:
        if item.channel == "web":  # its page reads the stored message itself
            return await plain(item)
        if item.data.get("event") == "code_sent":
            return await _code(item, public_url)
        kept = await File.filter(message_id=item.message_id).order_by("id")
        staff = await Staff.get_or_none(id=item.staff_id) if item.staff_id else None
        author = staff.called(item.lang) if staff else ""
        data = item.data
        bare = bool(data.get(routing.BARE))
        if item.channel == "email":
            data = {**data, "mail": await dress(item, public_url, author)}
        return Outbound(
            key=item.key,
            channel_account=item.channel_account,
            external_user=item.external_user,
            text=item.text,
            author=item.author,
            author_name=author,
            seq=item.seq,
            in_reply_to=item.in_reply_to,
            lang=item.lang,
            purpose=item.purpose,
            choices=() if bare else choices.public(item.choices),
            cards=() if bare else [_reachable(card, public_url) for card in choices.public(item.cards)],
            files=[_file(file, public_url) for file in kept],
            at=item.created_at,
            more_url=_page(item, public_url) if item.channel == "sms" else "",
            data=data,
        )

    return compose


def _reachable(card: dict[str, Any], public_url: str) -> dict[str, Any]:
    """A card whose page of ours (`/kb/…`) can be opened from a phone; the web chat is there already."""
    url = str(card.get("url") or "")
    return {**card, "url": public_url + url} if url.startswith("/") else card


def _page(item: Item, public_url: str) -> str:
    """Where the conversation can be read in full, letters and all."""
    return f"{public_url}/c/{page_links.token(item.identity_id, now=datetime.now(UTC))}"


async def _code(item: Item, public_url: str) -> Outbound:
    """The one-time code itself, which stands nowhere but in the request to the provider."""
    digits = await codes.reveal(item.message_id, now=datetime.now(UTC))
    if digits is None:
        raise Undeliverable("code_over")
    lang = item.lang if item.lang in i18n.LANGUAGES else "ko"
    values = {"company": await company.name(lang), "code": digits, "minutes": codes.minutes()}
    text, data = i18n.t(lang, "channels.code", **values), dict(item.data)
    if item.channel == "alimtalk" and (template := await codes.template(digits, lang)):
        text, data = template["text"], {**data, "template": template}
    if item.channel == "email":
        data["mail"] = await dress(item, public_url, "")
    return replace(await plain(item), text=text, data=data)


def _file(file: File, public_url: str) -> OutFile:
    return OutFile(
        name=file.name,
        type=file.type,
        size=file.size,
        url=f"{public_url}/f/{files.sign(file.token, datetime.now(UTC))}",
        description=file.description,
        token=file.token,
    )
