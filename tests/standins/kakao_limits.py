"""What Kakao's platform refuses of a skill server's answer. Written from its documentation alone, apart from
the product's own code: https://kakaobusiness.gitbook.io/main/tool/chatbot/skill_guide/answer_json_format
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

BLOCK_ID = 24


class Refused(Exception):
    """An answer that is not shown, with the reason."""


def check(answer: Any, *, callback: bool = False) -> Mapping[str, Any]:
    """The answer itself. Raises `Refused`. `callback`: it came to the callback address."""
    _is(isinstance(answer, Mapping), "the answer is no object")
    _is(answer.get("version") == "2.0", "version must be 2.0")
    _only(answer, {"version", "template", "context", "data", "useCallback"}, "answer")
    if answer.get("useCallback"):
        _is(answer["useCallback"] is True, "useCallback must be true")
        _is(not callback, "a callback cannot ask for another one")
        _is("template" not in answer, "template is not written with useCallback")
        return answer
    template = answer.get("template")
    _is(isinstance(template, Mapping), "template is missing")
    _only(template, {"outputs", "quickReplies"}, "template")
    outputs = _list(template.get("outputs"), 1, 3, "outputs")
    for output in outputs:
        _is(isinstance(output, Mapping) and len(output) == 1, "an output is one component")
        [(kind, content)] = output.items()
        _is(kind in _COMPONENTS, f"no component {kind}")
        _COMPONENTS[kind](content)
    for reply in _list(template.get("quickReplies", []), 0, 10, "quickReplies"):
        _quick_reply(reply)
    return answer


def _simple_text(content: Any) -> None:
    _only(content, {"text", "extra", "forwardable"}, "simpleText")
    _text(content.get("text"), 1, 1000, "simpleText.text")


def _simple_image(content: Any) -> None:
    _only(content, {"imageUrl", "altText", "forwardable"}, "simpleImage")
    _url(content.get("imageUrl"), "simpleImage.imageUrl")
    _text(content.get("altText", ""), 0, 50, "simpleImage.altText")


def _text_card(content: Any, *, several: bool = False) -> None:
    _only(content, {"title", "description", "buttons", "buttonLayout", "forwardable"}, "textCard")
    title, about = content.get("title", ""), content.get("description", "")
    _is(bool(title or about), "textCard needs a title or a description")
    _text(title, 0, 50, "textCard.title")
    _text(about, 0, 128 if several else 400, "textCard.description")
    _is(several or len(title) + len(about) <= 400, "textCard is longer than 400")
    _buttons(content)


def _basic_card(content: Any, *, several: bool = False) -> None:
    known = {
        "title",
        "description",
        "thumbnail",
        "buttons",
        "buttonLayout",
        "profile",
        "social",
        "forwardable",
    }
    _only(content, known, "basicCard")
    _text(content.get("title", ""), 0, 50, "basicCard.title")
    _text(content.get("description", ""), 0, 230, "basicCard.description")
    _thumbnail(content.get("thumbnail"))
    _buttons(content)


def _commerce_card(content: Any, *, several: bool = False) -> None:
    _text(content.get("title", ""), 0, 30, "commerceCard.title")
    _text(content.get("description", ""), 0, 40, "commerceCard.description")
    _is(isinstance(content.get("price"), int), "commerceCard.price is a number")
    _is(content.get("currency", "won") == "won", "commerceCard.currency is won")
    for thumbnail in _list(content.get("thumbnails"), 1, 1, "commerceCard.thumbnails"):
        _thumbnail(thumbnail)
    _buttons(content)


def _list_card(content: Any, *, several: bool = False) -> None:
    _text(content.get("header", {}).get("title"), 1, 1000, "listCard.header.title")
    for item in _list(content.get("items"), 1, 4 if several else 5, "listCard.items"):
        _text(item.get("title"), 1, 1000, "listCard item title")
    _buttons(content)


def _item_card(content: Any, *, several: bool = False) -> None:
    known = {"thumbnail", "head", "profile", "imageTitle", "itemList", "itemListAlignment", "itemListSummary",
             "title", "description", "buttons", "buttonLayout"}  # fmt: skip
    _only(content, known, "itemCard")
    for item in _list(content.get("itemList"), 1, 5 if several else 10, "itemCard.itemList"):
        _only(item, {"title", "description"}, "itemList")
        _text(item.get("title"), 1, 6, "itemList.title")
        _text(item.get("description"), 1, 1000, "itemList.description")
    title, about = content.get("title", ""), content.get("description", "")
    _is(bool(title) or not about, "itemCard.description needs a title")
    _is(len(title) + len(about) <= (100 if several else 200), "itemCard title and description are too long")
    _is(f"{title}\n{about}".count("\n") < 12, "itemCard has more than 12 lines")
    _is(content.get("itemListAlignment", "left") in ("left", "right"), "itemListAlignment")
    _is(not ("head" in content and "profile" in content), "itemCard has head and profile")
    _buttons(content)


def _carousel(content: Any) -> None:
    _only(content, {"type", "items", "header"}, "carousel")
    kind = content.get("type")
    _is(kind in _CARDS, f"no carousel of {kind}")
    _is(
        "header" not in content or kind not in ("textCard", "listCard"), f"a carousel of {kind} has no header"
    )
    for item in _list(content.get("items"), 1, 5 if kind == "listCard" else 10, "carousel.items"):
        _CARDS[kind](item, several=True)


def _quick_reply(reply: Any) -> None:
    _only(reply, {"label", "action", "messageText", "blockId", "extra"}, "quickReply")
    _text(reply.get("label"), 1, 14, "quickReply.label")
    _is(reply.get("action") in ("message", "block"), "quickReply.action")
    if reply["action"] == "message":
        _text(reply.get("messageText"), 1, 1000, "quickReply.messageText")
    else:
        _is(len(str(reply.get("blockId", ""))) == BLOCK_ID, "quickReply.blockId")


def _buttons(card: Mapping[str, Any]) -> None:
    layout = card.get("buttonLayout", "vertical")
    _is(layout in ("vertical", "horizontal"), "buttonLayout")
    most = 2 if layout == "horizontal" else 3
    for button in _list(card.get("buttons", []), 0, most, "buttons"):
        _only(
            button,
            {"label", "action", "webLinkUrl", "messageText", "phoneNumber", "blockId", "extra"},
            "button",
        )
        _text(button.get("label"), 1, 8 if layout == "horizontal" else 14, "button.label")
        action = button.get("action")
        _is(
            action in ("webLink", "message", "phone", "block", "share", "operator"), f"button action {action}"
        )
        if action == "webLink":
            _url(button.get("webLinkUrl"), "button.webLinkUrl")
        if action == "message":
            _text(button.get("messageText"), 1, 1000, "button.messageText")


def _thumbnail(thumbnail: Any) -> None:
    _is(isinstance(thumbnail, Mapping), "thumbnail is missing")
    _url(thumbnail.get("imageUrl"), "thumbnail.imageUrl")
    _text(thumbnail.get("altText", ""), 0, 50, "thumbnail.altText")


_CARDS = {
    "textCard": _text_card, "basicCard": _basic_card, "commerceCard": _commerce_card,
    "listCard": _list_card, "itemCard": _item_card,
}  # fmt: skip
_COMPONENTS: Mapping[str, Any] = {
    "simpleText": _simple_text, "simpleImage": _simple_image, "carousel": _carousel, **_CARDS
}  # fmt: skip


def _is(true: bool, words: str) -> None:
    if not true:
        raise Refused(words)


def _only(value: Any, known: set[str], where: str) -> None:
    _is(isinstance(value, Mapping), f"{where} is no object")
    unknown = set(value) - known
    _is(not unknown, f"{where} has unknown fields {sorted(unknown)}")


def _list(value: Any, least: int, most: int, where: str) -> Sequence[Any]:
    _is(isinstance(value, list), f"{where} is no list")
    _is(least <= len(value) <= most, f"{where} has {len(value)} entries, {least} to {most} are allowed")
    return value  # type: ignore[no-any-return]


def _text(value: Any, least: int, most: int, where: str) -> None:
    _is(isinstance(value, str), f"{where} is no text")
    units = len(value.encode("utf-16-le", "surrogatepass")) // 2  # the strictest way to count
    _is(least <= units <= most, f"{where} has {units} characters, {least} to {most} are allowed")


def _url(value: Any, where: str) -> None:
    _is(isinstance(value, str) and urlsplit(value).scheme in ("http", "https"), f"{where} is no address")
