"""A mail's HTML as the desk may show it: written anew from what is known to be harmless. Pure.

Nothing of the source is copied through. Elements, attributes and properties that are not listed here are left
out, so whatever a browser makes of the result, it is made of these. The desk shows it in a sandbox without
scripts and lets no remote picture in until asked; this is the first of the two locks.
"""

import html
import re
from collections.abc import Mapping
from html.parser import HTMLParser

LONGEST = 1_000_000  # characters that are looked at
LARGEST = 400_000  # characters that are kept
DEEPEST = 200

_VOID = frozenset({"br", "hr", "img", "col"})
_KEPT = _VOID | frozenset({
    "a", "abbr", "b", "blockquote", "caption", "center", "code", "colgroup", "dd", "del", "div", "dl", "dt",
    "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "i", "ins", "li", "ol", "p", "pre", "q", "s", "small",
    "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
})  # fmt: skip
# Left out with all that is in them: what acts, loads, hides, or is read by other rules than HTML's.
_DROPPED = frozenset({
    "script", "style", "head", "title", "template", "noscript", "noembed", "noframes", "svg", "math",
    "object", "embed", "applet", "iframe", "frame", "frameset", "audio", "video", "canvas", "select",
    "textarea", "xmp", "plaintext", "listing",
})  # fmt: skip
_DROPPED_VOID = frozenset({"embed", "frame"})  # they have no end
_PLAIN = {  # attributes by element, and what their values may be
    "*": ("dir", "lang", "title"),
    "td": ("colspan", "rowspan", "align", "valign", "width", "height", "bgcolor"),
    "th": ("colspan", "rowspan", "align", "valign", "width", "height", "bgcolor"),
    "tr": ("align", "valign", "bgcolor"),
    "table": ("width", "border", "cellpadding", "cellspacing", "align", "bgcolor"),
    "col": ("width", "span"),
    "font": ("color", "face", "size"),
    "img": ("alt", "width", "height"),
    "ol": ("start", "type"),
    "p": ("align",),
    "div": ("align",),
    "hr": ("width", "size", "color"),
}
_PROPERTIES = re.compile(
    r"(background-color|border(-(top|right|bottom|left|collapse|spacing|radius|color|style|width))?|color|"
    r"display|font(-(family|size|style|weight))?|line-height|list-style-type|(max-|min-)?(width|height)|"
    r"(margin|padding)(-(top|right|bottom|left))?|text-(align|decoration|indent)|vertical-align|white-space)"
)
_VALUE = re.compile(r"([\w#%.,+\- '!]|rgba?\([\d,.% ]*\))*")  # no address, no escape, no function
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden", re.IGNORECASE)
_LINK = re.compile(r"(https?://|mailto:|tel:)", re.IGNORECASE)
_PICTURE = re.compile(r"(https?://|cid:)", re.IGNORECASE)
_CID = re.compile(r'src="cid:([^"]*)"')
REMOTE = re.compile(r'<img [^>]*src="https?:', re.IGNORECASE)


def safe(source: str) -> str:
    """HTML made of harmless elements alone; "" when nothing is left or it is too large to keep."""
    writer = _Writer()
    try:
        writer.feed(source[:LONGEST])
        writer.close()
    except (AssertionError, ValueError, IndexError):  # broken declarations: what was read until there
        pass
    found = writer.written()
    return found if len(found) <= LARGEST and re.search(r"[^\s<>]", re.sub(r"<[^>]*>", "", found)) else ""


def named(source: str, tokens: Mapping[str, str]) -> str:
    """`source` with its own pictures (`cid:`) called by the tokens of the files they became."""
    return pictured(source, {cid: f"cid:{token}" for cid, token in tokens.items()})


def pictured(source: str, addresses: Mapping[str, str]) -> str:
    """`source` with each picture of its own at the address given for its name; one without leaves a gap."""
    return _CID.sub(lambda found: f'src="{html.escape(addresses.get(html.unescape(found[1]), ""))}"', source)


def own_pictures(source: str) -> list[str]:
    """The names of the pictures that came with the mail, each once."""
    return list(dict.fromkeys(html.unescape(name) for name in _CID.findall(source)))


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._dropped: list[str] = []  # open elements from the outermost dropped one on

    def written(self) -> str:
        return "".join([*self._parts, *(f"</{tag}>" for tag in reversed(self._open))])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in reversed(attrs)}  # of two the first counts
        if self._dropped or tag in _DROPPED or _HIDDEN.search(given.get("style", "")):
            if tag not in _VOID and tag not in _DROPPED_VOID and tag in _KEPT | _DROPPED:
                self._dropped.append(tag)
            return
        if tag not in _KEPT or len(self._open) >= DEEPEST:
            return
        self._parts.append(f"<{tag}{''.join(_attributes(tag, given))}>")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        pile = self._dropped or self._open
        if tag not in pile:
            return
        while True:
            ended = pile.pop()
            if pile is self._open:
                self._parts.append(f"</{ended}>")
            if ended == tag:
                return

    def handle_data(self, data: str) -> None:
        if not self._dropped:
            self._parts.append(html.escape(data, quote=False))


def _attributes(tag: str, given: Mapping[str, str]) -> list[str]:
    kept = {
        name: given[name][:200]
        for name in (*_PLAIN["*"], *_PLAIN.get(tag, ()))
        if name in given and (name in ("alt", "title") or _VALUE.fullmatch(given[name]))
    }
    if style := _style(given.get("style", "")):
        kept["style"] = style
    address = re.sub(r"[\x00-\x20]+", "", given.get("href" if tag == "a" else "src", ""))[:2000]
    if tag == "a" and _LINK.match(address):
        kept |= {"href": address, "target": "_blank", "rel": "noopener noreferrer nofollow"}
    if tag == "img" and _PICTURE.match(address):
        kept["src"] = address
    return [f' {name}="{html.escape(value)}"' for name, value in kept.items()]


def _style(source: str) -> str:
    found = []
    for one in source[:4000].split(";"):
        name, _, value = one.partition(":")
        name, value = name.strip().lower(), value.strip()
        if _PROPERTIES.fullmatch(name) and _VALUE.fullmatch(value) and "url" not in value.lower():
            found.append(f"{name}:{value}")
    return ";".join(found)
