"""What a request says of its matter, checked: product, symptom, visit, address, phone, category."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from crm import zone
from crm.checks import one_of, text
from crm.errors import Invalid
from crm.request_rules import CATEGORIES

VISIT_LENGTH = timedelta(hours=1)
AMENDABLE = {
    "product_text": 120,
    "product_id": 0,
    "possession_id": 0,
    "symptom": 2000,
    "category": 0,
    "visit_from": 0,
    "visit_to": 0,
    "address": 300,
    "phone": 20,
}


def checked(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Checked columns. A visit lies ahead and ends after it begins."""
    done: dict[str, Any] = {}
    for field, value in values.items():
        if AMENDABLE[field]:
            done[field] = text(field, value, longest=AMENDABLE[field])
        elif field == "category":
            done[field] = one_of(field, value, CATEGORIES)
        elif field in ("visit_from", "visit_to") and value is not None:
            done[field] = zone.aware(value, field)
        else:
            done[field] = value
    start, end = done.get("visit_from"), done.get("visit_to")
    if start is not None:
        if start <= now:
            raise Invalid("visit_from", "past")
        done["visit_to"] = end = end or start + VISIT_LENGTH
        if end <= start:
            raise Invalid("visit_to", "end_before_start")
    return done
