"""Cards: what a message shows beside its text, as plain dicts that every channel can render or degrade.

The text of a message is complete by itself; a card never says more. A chip or action is a choice: it carries
`payload` (an intent command) until the composition root puts a short token `value` in its place.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Card = dict[str, Any]
Fact = Mapping[str, str]  # {"label", "value"}
Choice = Mapping[
    str, Any
]  # {"title" or "label", "payload"} and, for chips, "sub", "full", "disabled", "selected"

TYPES = ("form", "summary", "request", "article", "rating")


def form(
    *, step: int, of: int, name: str, title: str, hint: str = "", chips: Sequence[Sequence[Choice]] = ()
) -> Card:
    """One question of a form: step `step` of `of`, the step's short `name`, rows of chips."""
    rows = [[dict(chip) for chip in row] for row in chips]
    return {"type": "form", "step": step, "of": of, "name": name, "title": title, "hint": hint, "chips": rows}


def summary(*, title: str, facts: Sequence[Fact]) -> Card:
    """What was told so far, before it is sent."""
    return {"type": "summary", "title": title, "facts": [dict(fact) for fact in facts]}


def request(
    *,
    number: str,
    status: str,
    status_label: str,
    steps: Sequence[str],
    step: int,
    facts: Sequence[Fact],
    actions: Sequence[Choice] = (),
    title: str = "",
) -> Card:
    """A service request. `step` (1 to 4) is where it stands among the four `steps`; 0 when cancelled.

    A later card with the same `number` updates the earlier one in place.
    """
    return {
        "type": "request",
        "number": number,
        "status": status,
        "status_label": status_label,
        "title": title,
        "steps": list(steps),
        "step": step,
        "facts": [dict(fact) for fact in facts],
        "actions": [dict(action) for action in actions],
    }


def article(*, title: str, quote: str, url: str) -> Card:
    """A passage quoted from a knowledge article, with the way to the whole."""
    return {"type": "article", "title": title, "quote": quote, "url": url}


def rating(*, number: str, scores: Sequence[Choice]) -> Card:
    """Scores 1 to 5 for one request."""
    return {"type": "rating", "number": number, "scores": [dict(score) for score in scores]}


def choices_of(card: Card) -> list[dict[str, Any]]:
    """The choices inside a card, as the very dicts the card holds, so that tokens can be put in place."""
    rows = [chip for row in card.get("chips", []) for chip in row]
    return [c for c in (*rows, *card.get("actions", []), *card.get("scores", [])) if "payload" in c]
