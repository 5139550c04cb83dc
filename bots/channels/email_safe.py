"""A mail's HTML as the desk may show it: read as a browser reads it, and only what is harmless kept. Pure.

The reading, the choosing and the writing are `nh3`'s (html5ever and ammonia); this module says what is kept.
The desk shows the result in a sandbox without scripts and lets no remote picture in until asked; this is the
first of the two locks.
"""

import html
import re
from collections.abc import Mapping

import nh3

LONGEST = 1_000_000  # characters that are looked at
LARGEST = 400_000  # characters that are kept
# A reader of HTML opens what stays open (<b>, <font>) again in each element that follows: there are as many
# elements as the product of the two, each of about 240 bytes (measured). Beyond, the text alone is shown.
ENTANGLED = 1_000_000
_REOPENED = re.compile(r"<(?:b|big|code|em|font|i|s|small|strike|strong|tt|u)[\s/>]", re.IGNORECASE)
_DEEPEST = 20_000  # tags: nested so deep they take a second (measured), twice as deep four

KEPT = frozenset({
    "a", "abbr", "b", "blockquote", "br", "caption", "center", "code", "col", "colgroup", "dd", "del", "div",
    "dl", "dt", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "li", "ol", "p",
    "pre", "q", "s", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "u", "ul",
})  # fmt: skip
# Left out with all that is in them: what acts, loads, hides, or is read by other rules than HTML's.
_DROPPED = frozenset({
    "script", "style", "head", "title", "template", "noscript", "noembed", "noframes", "svg", "math",
    "object", "embed", "applet", "iframe", "frame", "frameset", "audio", "video", "canvas", "select",
    "textarea", "xmp", "plaintext", "listing",
})  # fmt: skip
_CELL = frozenset({"colspan", "rowspan", "align", "valign", "width", "height", "bgcolor"})
_ATTRIBUTES = {
    "*": frozenset({"dir", "lang", "title", "style"}),
    "a": frozenset({"href"}),
    "td": _CELL,
    "th": _CELL,
    "tr": frozenset({"align", "valign", "bgcolor"}),
    "table": frozenset({"width", "border", "cellpadding", "cellspacing", "align", "bgcolor"}),
    "col": frozenset({"width", "span"}),
    "font": frozenset({"color", "face", "size"}),
    "img": frozenset({"alt", "width", "height", "src"}),
    "ol": frozenset({"start", "type"}),
    "p": frozenset({"align"}),
    "div": frozenset({"align"}),
    "hr": frozenset({"width", "size", "color"}),
}
_SIDES = ("top", "right", "bottom", "left")
_PROPERTIES = frozenset({
    "background-color", "border", "border-collapse", "border-color", "border-radius", "border-spacing",
    "border-style", "border-width", *(f"border-{side}" for side in _SIDES), "color", "display", "font",
    "font-family", "font-size", "font-style", "font-weight", "height", "line-height", "list-style-type",
    "margin", *(f"margin-{side}" for side in _SIDES), "max-height", "max-width", "min-height", "min-width",
    "padding", *(f"padding-{side}" for side in _SIDES), "text-align", "text-decoration", "text-indent",
    "vertical-align", "visibility", "white-space", "width",
})  # fmt: skip
_VALUE = re.compile(r"(?:[\w#%.,+\- '!]|rgba?\([\d,.% ]*\))*")  # no address, no escape, no function
_ADDRESS = {
    "href": re.compile(r"(?:https?://|mailto:|tel:)\S*", re.IGNORECASE),
    "src": re.compile(r"(?:https?://|cid:)\S*", re.IGNORECASE),
}
_PICTURE = r'<img (?:[^">]|"[^"]*")*?src="'
_CID = re.compile(rf'({_PICTURE})cid:([^"]*)"')
REMOTE = re.compile(rf"{_PICTURE}https?:", re.IGNORECASE)


def safe(source: str) -> str:
    """HTML made of harmless elements alone; "" when nothing is left or it is too large or tangled."""
    source = source[:LONGEST]
    tags = source.count("<")
    if tags > _DEEPEST or tags * len(_REOPENED.findall(source)) > ENTANGLED:
        return ""
    found = _CLEANER.clean(source)
    return found if len(found) <= LARGEST and re.search(r"[^\s<>]", re.sub(r"<[^>]*>", "", found)) else ""


def named(source: str, tokens: Mapping[str, str]) -> str:
    """`source` with its own pictures (`cid:`) called by the tokens of the files they became."""
    return pictured(source, {cid: f"cid:{token}" for cid, token in tokens.items()})


def pictured(source: str, addresses: Mapping[str, str]) -> str:
    """`source` with each picture of its own at the address given for its name; one without leaves a gap."""
    return _CID.sub(
        lambda found: f'{found[1]}{html.escape(addresses.get(html.unescape(found[2]), ""))}"', source
    )


def own_pictures(source: str) -> list[str]:
    """The names of the pictures that came with the mail, each once."""
    return list(dict.fromkeys(html.unescape(name) for _, name in _CID.findall(source)))


def _value(tag: str, name: str, value: str) -> str | None:
    """What an attribute may say; None leaves it out."""
    if name in _ADDRESS:
        address = re.sub(r"[\x00-\x20]+", "", value)[:2000]
        return address if _ADDRESS[name].fullmatch(address) else None
    if name == "style":
        return _style(value) or None
    return value[:200] if name in ("alt", "title") or _VALUE.fullmatch(value) else None


def _style(source: str) -> str:
    """The declarations with values of plain words, numbers and colours; the library looks at their names."""
    split = (one.partition(":") for one in source[:4000].split(";"))
    return ";".join(
        f"{name}:{value}"
        for name, _, value in split
        if _VALUE.fullmatch(value) and value.count("'") % 2 == 0 and "url" not in value.lower()
    )


_CLEANER = nh3.Cleaner(
    tags=KEPT,
    clean_content_tags=_DROPPED,
    attributes=_ATTRIBUTES,
    attribute_filter=_value,
    filter_style_properties=_PROPERTIES,
    url_schemes={"http", "https", "mailto", "tel", "cid"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)
