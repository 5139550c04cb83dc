"""An article's plain text as HTML: paragraphs, '- ' lists and '1. ' steps; everything else is escaped."""

import re

from markupsafe import Markup, escape

_STEP = re.compile(r"^\d+[.)]\s+")
_POINT = re.compile(r"^[-*•]\s+")


def paragraphs(text: str) -> Markup:
    """Blocks are parted by blank lines; a block whose lines all are steps or points becomes a list."""
    blocks = [block.split("\n") for block in re.split(r"\n\s*\n", text.strip()) if block.strip()]
    return Markup("").join(_block([line.strip() for line in block if line.strip()]) for block in blocks)


def _block(lines: list[str]) -> Markup:
    for pattern, tag in ((_STEP, "ol"), (_POINT, "ul")):
        if all(pattern.match(line) for line in lines):
            items = Markup("").join(Markup("<li>{}</li>").format(pattern.sub("", line)) for line in lines)
            return Markup("<{0}>{1}</{0}>").format(Markup(tag), items)  # noqa: S704 - tag is ours
    return Markup("<p>{}</p>").format(Markup("<br>").join(escape(line) for line in lines))
