"""A request as the customer sees it: a card with its four steps, facts and what can be done."""

from collections.abc import Mapping
from typing import Any

from actions.context import Turn
from actions.languages import dates_in
from actions.words import button, choose, label
from crm import cards, files, requests

# Which of the card's four steps a status stands at (UX.md: request card).
_STEP = {
    "received": 1,
    "assigned": 2,
    "in_progress": 3,
    "waiting_customer": 3,
    "resolved": 4,
    "closed": 4,
    "cancelled": 0,
}


def status_label(status: str, turn: Turn, domain: Mapping[str, Any]) -> str:
    """The word for a request's status."""
    return label(domain, turn.language, f"label_status_{status}")


async def request_card(
    request_id: int, turn: Turn, domain: Mapping[str, Any], *, opened: bool = False
) -> dict[str, Any]:
    """The card of one of the customer's own requests."""
    request = await requests.get_own(turn.contact_id, request_id)
    steps = [label(domain, turn.language, f"label_card_step_{i}") for i in range(1, 5)]
    return cards.request(
        number=request.number,
        status=request.status,
        status_label=_capital(status_label(request.status, turn, domain)),
        title=label(domain, turn.language, "label_card_opened") if opened else "",
        steps=steps,
        step=_STEP[request.status],
        facts=_facts(request, await files.count_of_request(request.id), turn, domain),
        actions=_actions(request, turn, domain),
    )


def _facts(request: Any, photos: int, turn: Turn, domain: Mapping[str, Any]) -> list[dict[str, str]]:
    visit = label(domain, turn.language, "label_visit_later")
    if request.visit_from:
        visit = dates_in(turn.language).moment(request.visit_from, request.visit_to, now=turn.at, tz=turn.tz)
    symptom = request.symptom
    if photos:
        symptom = label(domain, turn.language, "label_photos", value=symptom, count=photos)
    values = {"product": request.product_text, "symptom": symptom, "visit": visit}
    return [
        {"label": label(domain, turn.language, f"label_step_{k}"), "value": v} for k, v in values.items() if v
    ]


def _capital(text: str) -> str:
    """As it stands alone, not in a sentence."""
    return text[:1].upper() + text[1:]


def _actions(request: Any, turn: Turn, domain: Mapping[str, Any]) -> list[dict[str, str]]:
    if request.status in ("resolved", "closed"):
        acts = ["rate", "reopen"] if request.status == "resolved" else ["reopen"]
    elif request.status == "cancelled":
        acts = []
    else:
        acts = ["add", "move", "cancel"]
    intents = {
        "add": "amend_request",
        "move": "reschedule_visit",
        "cancel": "cancel_request",
        "reopen": "reopen_request",
        "rate": "rate_service",
    }
    return [
        button(
            label(domain, turn.language, f"label_card_{act}"),
            f'/{intents[act]}{{"request_no": "{request.number}"}}',
        )
        for act in acts
    ]


def choices(found: list[Any], turn: Turn) -> list[dict[str, str]]:
    """Buttons to choose one of several requests, newest first."""
    return [button(f"{r.number} · {r.product_text}", choose("request_no", r.number)) for r in found[:6]]
