"""HTML of a mail as plain text: what a reader sees, and nothing that acts. Pure."""

import html
import re
from html.parser import HTMLParser

LONGEST = 1_000_000  # characters that are looked at
_HIDDEN = frozenset({"script", "style", "head", "title", "template", "noscript", "svg", "object"})
_VOID = frozenset({"br", "img", "hr", "meta", "link", "input", "wbr", "area", "base", "col", "source"})
_BLOCKS = frozenset({
    "p", "div", "tr", "table", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre",
    "section", "article", "header", "footer", "address", "center", "dl", "dt", "dd", "form", "fieldset",
})  # fmt: skip
_SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "ul", "ol", "pre"})
_NO_DISPLAY = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


def text_of(source: str) -> str:
    """The text of an HTML part; quotes begin with '> ', links keep where they lead."""
    reader = _Reader()
    try:
        reader.feed(source[:LONGEST])
        reader.close()
        found = reader.text()
    except (AssertionError, ValueError, IndexError):  # the parser gives up on some broken declarations
        found = html.unescape(_TAG.sub(" ", source[:LONGEST]))
    return re.sub(r"\n{3,}", "\n\n", found).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = [""]
        self._hidden: list[str] = []  # open elements from the outermost hidden one on
        self._quotes = 0
        self._pre = 0
        self._links: list[tuple[str, int]] = []

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._lines)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if self._hidden or tag in _HIDDEN or _NO_DISPLAY.search(given.get("style", "")):
            if tag not in _VOID:
                self._hidden.append(tag)
            return
        if tag == "br":
            self._new_line()
        elif tag == "hr":
            self._block()
            self._add("-----")
            self._block()
        elif tag == "img":
            self._add(f"[{given['alt'].strip()}]" if given.get("alt", "").strip() else "")
        elif tag in ("td", "th"):
            self._add("  " if self._here().strip() else "")
        elif tag == "a":
            self._links.append((given.get("href", ""), sum(map(len, self._lines))))
        elif tag in _BLOCKS:
            self._start(tag)

    def _start(self, tag: str) -> None:
        self._block(spaced=tag in _SPACED)
        self._quotes += tag == "blockquote"
        self._pre += tag == "pre"
        if tag == "blockquote":
            self._lines[-1] = self._mark()
        if tag == "li":
            self._add("- ")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if tag in self._hidden:
                del self._hidden[len(self._hidden) - 1 - self._hidden[::-1].index(tag) :]
            return
        if tag == "a" and self._links:
            self._say_where(*self._links.pop())
        elif tag in _BLOCKS:
            if tag == "blockquote" and self._quotes:
                self._quotes -= 1
                self._new_line()
            self._pre -= tag == "pre" and self._pre > 0
            self._block(spaced=tag in _SPACED)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._pre:
            first, *rest = data.split("\n")
            self._add(first)
            for line in rest:
                self._new_line()
                self._add(line)
            return
        words = re.sub(r"[ \t\r\n\f]+", " ", data)
        self._add(words.lstrip() if self._here() in ("", self._mark()) else words)

    def _say_where(self, url: str, began: int) -> None:
        """A link's address behind its words, unless they are the address."""
        said = "".join(self._lines)[began:]
        bare = re.sub(r"^https?://|/$", "", url.strip())
        if re.match(r"https?://", url.strip()) and bare not in said and len(url) <= 300 and said.strip():
            self._add(f" ({url.strip()})")

    def _mark(self) -> str:
        return "> " * min(self._quotes, 5)

    def _here(self) -> str:
        return self._lines[-1]

    def _add(self, text: str) -> None:
        self._lines[-1] += text.replace("\xa0", " ")

    def _new_line(self) -> None:
        self._lines.append(self._mark())

    def _block(self, *, spaced: bool = False) -> None:
        """Begin a line, unless one has just begun; before a paragraph leave one empty."""
        if self._here().strip(" >"):
            self._new_line()
        if spaced and len(self._lines) > 1 and self._lines[-2].strip(" >"):
            self._new_line()
