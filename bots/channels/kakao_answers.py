"""Messages as the answer of a skill server. Pure.

Numbers from https://kakaobusiness.gitbook.io/main/tool/chatbot/skill_guide/answer_json_format. That page
names no limit for the label of a quick reply; the administration page takes 14, as for buttons. Nor does it
say what a character is: we count UTF-16 units, of which an emoji has two, so no other way of counting is
stricter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bots import splitting
from bots.channels.base import Caps, Outbound, OutFile
from bots.channels.message_parts import Button, Part, parts
from bots.web import i18n
from crm import choices as pressing

VERSION = "2.0"
TEXT_MAX = 1000  # folded after 500
OUTPUTS_MAX = 3
QUICK_REPLIES_MAX = 10
LABEL_MAX = 14
ALT_TEXT_MAX = 50
TITLE_MAX = 50
TEXT_CARD_MAX = 400  # title and description together
CAROUSEL_TEXT_MAX = 128  # description of a text card there
CAROUSEL_MAX = 10
ITEMS_MAX = 10
CAROUSEL_ITEMS_MAX = 5
ITEM_TITLE_MAX = 6
ITEM_CARD_MAX = 200  # title and description together
CAROUSEL_ITEM_CARD_MAX = 100
IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
EXTRA = "choice"  # the name under which a pressed button brings our token back

CAPS = Caps(
    text_max=TEXT_MAX,
    choices_max=QUICK_REPLIES_MAX,
    label_max=LABEL_MAX,
    messages_max=OUTPUTS_MAX,
    measure=splitting.utf16,
    begins=False,
)


def body(messages: Sequence[Outbound], more_url: str = "") -> dict[str, Any]:
    """One answer that says all of these messages, within every limit.

    Nothing of the texts is lost: what three bubbles cannot hold is behind `more_url`, which the last one
    names. Quick replies are those of the newest message. Raises `Undeliverable` when the text is too long and
    there is no `more_url`.
    """
    images = [file for message in messages for file in message.files if file.type in IMAGES]
    texts, cards, images = _fitted(messages, images, more_url)
    said = [{"simpleText": {"text": part.text}} for part in texts]
    shown = len(said) - _asks_about(messages, texts)
    outputs = [*(_image(file) for file in images), *said[:shown], *cards, *said[shown:]]
    if not outputs:  # cards alone that Kakao has no shape for
        lang = messages[-1].lang if messages[-1].lang in i18n.LANGUAGES else "ko"
        return plain(i18n.t(lang, "channels.kakao.received"))
    template: dict[str, Any] = {"outputs": outputs}
    buttons = texts[-1].buttons if texts else ()
    if buttons:
        words = _words(messages[-1])
        template["quickReplies"] = [_quick_reply(button, words) for button in buttons]
    return {"version": VERSION, "template": template}


def waiting(words: str) -> dict[str, Any]:
    """'The real answer comes to your callback address.' `words` fill the block's waiting message."""
    return {"version": VERSION, "useCallback": True, "data": {"text": words}}


def plain(words: str) -> dict[str, Any]:
    """An answer of one text that is no message of the conversation."""
    return {"version": VERSION, "template": {"outputs": [{"simpleText": {"text": _head(words, TEXT_MAX)}}]}}


# --- what goes into the three bubbles


def _asks_about(messages: Sequence[Outbound], texts: Sequence[Part]) -> int:
    """How many of the last texts stand below the cards: one, when it is a message of its own after those with
    cards ('도움이 됐나요?')."""
    *earlier, last = messages
    own = bool(texts) and texts[-1].text == last.text and not last.cards
    return int(own and any(message.cards for message in earlier))


def _fitted(
    messages: Sequence[Outbound], images: list[OutFile], more_url: str
) -> tuple[list[Part], list[dict[str, Any]], list[OutFile]]:
    """Texts first, since they are complete by themselves; then images, then cards, where there is room. What
    has none stands in the text, images and what cards link to as addresses."""
    offered = [_unrepeated(card, message.text) for message in messages for card in message.cards]
    for shown, drawn in ((images, True), (images, False), ([], False)):
        left = [file for file in images if file not in shown]
        texts = _texts(messages, left, more_url, cards=drawn)
        cards = _cards(offered) if drawn else []
        if len(texts) + len(shown) + len(cards) <= OUTPUTS_MAX:
            return texts, cards, shown
    return texts, [], []


def _texts(
    messages: Sequence[Outbound], images: Sequence[OutFile], more_url: str, *, cards: bool
) -> list[Part]:
    """A bubble a message while they are few, else all of the words together, the end behind a link."""
    caps = replace(CAPS, cards=cards)
    bare = [_without_images(message, images) for message in messages]
    *earlier, last = bare
    said = [part for message in earlier for part in parts(_unasked(message), _long(caps))]
    closing = parts(last, _long(caps))
    if len(said) + len(closing) <= OUTPUTS_MAX:
        return [*said, *closing]
    joined = "\n\n".join([*(part.text for part in said), last.text])
    return parts(replace(last, text=joined, more_url=more_url or last.more_url), caps)


def _unasked(message: Outbound) -> Outbound:
    """The message without what can be pressed: only the newest one has that. Its cards are told in words."""
    cards = [{**card, "chips": [], "actions": []} for card in message.cards]
    return replace(message, choices=(), cards=cards)


def _unrepeated(card: Mapping[str, Any], text: str) -> Mapping[str, Any]:
    """The card without what the words beside it say already: its title, or the passage that they quote."""
    title, quote = (str(card.get(part) or "").strip() for part in ("title", "quote"))
    if title == text.strip():
        return {**card, "title": ""}
    return {**card, "quote": ""} if title and quote and quote in text else card


def _long(caps: Caps) -> Caps:
    return replace(caps, messages_max=0)


def _without_images(message: Outbound, linked: Sequence[OutFile]) -> Outbound:
    """Its images are bubbles of their own, but for those that are only linked."""
    return replace(message, files=[f for f in message.files if f.type not in IMAGES or f in linked])


def _image(file: OutFile) -> dict[str, Any]:
    alt = _head(file.description or file.name, ALT_TEXT_MAX)
    return {"simpleImage": {"imageUrl": file.url, "altText": alt}}


def _words(message: Outbound) -> Mapping[str, str]:
    """What the customer says by each choice, which may be more than fits on its button."""
    return {
        str(item["value"]): pressing.said(item)
        for item in pressing.pressables(message.choices, message.cards)
        if item.get("value")
    }


def _quick_reply(button: Button, words: Mapping[str, str]) -> dict[str, Any]:
    said = _head(words.get(button.value) or button.label, TEXT_MAX)
    return {"label": button.label, "action": "message", "messageText": said, "extra": {EXTRA: button.value}}


# --- cards


def _cards(cards: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Articles, requests and summaries, several of a kind beside one another; forms and ratings are asked by
    quick replies alone."""
    made: dict[str, list[tuple[Mapping[str, Any], str]]] = {}
    for card in cards:
        if kind := _kind(card):
            made.setdefault(kind, []).append((card, kind))
    return [output for kind, found in made.items() for output in _drawn(kind, [c for c, _ in found])]


def _kind(card: Mapping[str, Any]) -> str:
    if card["type"] == "article":
        return "textCard"
    if card["type"] not in ("request", "summary"):
        return ""
    facts = [fact for fact in card.get("facts", ()) if fact["label"] and fact["value"]]
    return (
        "itemCard"
        if facts and all(splitting.utf16(fact["label"]) <= ITEM_TITLE_MAX for fact in facts)
        else "textCard"
    )


def _drawn(kind: str, cards: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    draw = _item_card if kind == "itemCard" else _text_card
    several = len(cards) > 1
    shown = [made for card in cards if _says_something(made := draw(card, several=several))]
    if not several or len(shown) < 2:
        return [{kind: made} for made in shown]
    return [{"carousel": {"type": kind, "items": shown[:CAROUSEL_MAX]}}]


def _says_something(card: Mapping[str, Any]) -> bool:
    return any(card.get(part) for part in ("title", "description", "itemList"))


def _text_card(card: Mapping[str, Any], *, several: bool) -> dict[str, Any]:
    title = _head(_title(card), TITLE_MAX)
    room = CAROUSEL_TEXT_MAX if several else TEXT_CARD_MAX - splitting.utf16(title)
    lines = [str(card.get("quote") or card.get("status_label") or "")]
    lines += [f"{fact['label']}: {fact['value']}" for fact in card.get("facts", ())]
    made: dict[str, Any] = {"title": title} if title else {}
    if text := _head("\n".join(line for line in lines if line), room).rstrip():
        made["description"] = text
    if card.get("url"):
        label = i18n.t("ko" if _is_korean(title) else "en", "channels.open")
        made["buttons"] = [{"label": label[:LABEL_MAX], "action": "webLink", "webLinkUrl": str(card["url"])}]
    return made


def _item_card(card: Mapping[str, Any], *, several: bool) -> dict[str, Any]:
    room = CAROUSEL_ITEM_CARD_MAX if several else ITEM_CARD_MAX
    title = _head(_title(card), TITLE_MAX)
    facts = [fact for fact in card["facts"] if fact["label"] and fact["value"]]
    items = [{"title": fact["label"], "description": fact["value"]} for fact in facts]
    made: dict[str, Any] = {"itemList": items[: CAROUSEL_ITEMS_MAX if several else ITEMS_MAX]}
    if title:
        made["title"] = title
        if status := _head(str(card.get("status_label") or ""), room - splitting.utf16(title)):
            made["description"] = status
    return made


def _title(card: Mapping[str, Any]) -> str:
    return str(card.get("number") or card.get("title") or "")


def _head(text: str, most: int) -> str:
    return splitting.head(text, most, splitting.utf16)


def _is_korean(text: str) -> bool:
    return any("가" <= letter <= "힣" for letter in text)
