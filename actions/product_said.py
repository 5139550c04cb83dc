"""Which product a customer means by a word: one they own, one of the catalogue, or just the word."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from actions.said import Said
from crm import products, requests
from crm.models import ServiceRequest

ENDING = re.compile(r"(이에요|예요|이요|요|입니다|인데요|이고요|고요|이야|야|로|으로)?[\s.!~ㅎㅋㅠㅜ]*$")
LONGEST_NAME = 40


def product(name: str, *, product_id: int | None = None, possession_id: int | None = None) -> dict[str, Any]:
    """Slots that hold a product."""
    reference = json.dumps({"product_id": product_id, "possession_id": possession_id})
    return {"product": name, "product_ref": reference, "product_guess": None}


async def owned(contact_id: int, possession_id: int) -> dict[str, Any]:
    """Slots that hold one of the customer's own products; `{}` when it is not theirs."""
    mine = await products.possessions_of(contact_id)
    one = next((p for p in mine if p["id"] == possession_id), None)
    return product(one["name"], product_id=one["product_id"], possession_id=one["id"]) if one else {}


async def only_possession(contact_id: int) -> dict[str, Any]:
    """A guess at the only thing they own."""
    mine = await products.possessions_of(contact_id)
    return {"product_guess": str(mine[0]["id"])} if len(mine) == 1 else {}


async def named(name: str, message: Said, contact_id: int) -> dict[str, Any]:
    """A product by the customer's word: theirs is asked about, else the catalogue, else the word."""
    mine = _fitting(name, await products.possessions_of(contact_id))
    if len(mine) == 1 and _same(name, mine[0]["name"]):
        return product(mine[0]["name"], product_id=mine[0]["product_id"], possession_id=mine[0]["id"])
    if mine:
        return {"product_guess": ",".join(str(p["id"]) for p in mine)}
    return await unlike_theirs(name, message, contact_id)


async def corrected(name: str, message: Said, contact_id: int) -> dict[str, Any]:
    """As `named`, but a single thing of theirs is taken without asking: the change is said back anyway."""
    found = await named(name, message, contact_id)
    guess = str(found.get("product_guess") or "")
    return await owned(contact_id, int(guess)) if guess.isdigit() else found


async def unlike_theirs(name: str, message: Said, contact_id: int) -> dict[str, Any]:
    """A product after they said it is none of theirs: of the catalogue, or just the word."""
    known = message.resolved("product")
    return product(known["name"], product_id=int(known["id"])) if known and known.get("id") else product(name)


async def open_request(contact_id: int, found: Mapping[str, Any]) -> ServiceRequest | None:
    """Their open request about the product in these slots, the newest first."""
    reference = json.loads(found.get("product_ref") or "{}")
    for request in await requests.of_contact(contact_id, open_only=True):
        theirs = {"possession_id": request.possession_id, "product_id": request.product_id}
        if any(value and value == reference.get(key) for key, value in theirs.items()):
            return request
        if request.product_text and _same(request.product_text, str(found["product"])):
            return request
    return None


def alike(one: str, other: str) -> bool:
    """Whether two words may name the same product ('세탁기' and '드럼세탁기 21kg')."""
    first, second = _bare(one), _bare(other)
    return first in second or second in first


def _same(one: str, other: str) -> bool:
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    return re.sub(r"\s", "", name.lower())


def _fitting(word: str, mine: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The products that a customer's word may mean: by name, else by category."""
    if len(_bare(word)) < 2:
        return []
    by_name = [p for p in mine if any(alike(word, str(p[key])) for key in ("name", "name_en") if p[key])]
    keys = ("category", "category_en")
    return by_name or [p for p in mine if any(alike(word, str(p[key])) for key in keys if p[key])]
