"""Expected faults of the CRM as HTTP statuses and words of the desk's catalogue."""

from typing import Any

from bots.web import i18n
from crm.errors import Conflict, CrmError, Forbidden, Invalid, NotFound

STATUS = {NotFound: 404, Forbidden: 403, Invalid: 422, Conflict: 409}


def status(error: CrmError) -> int:
    """The HTTP status of an expected fault; 400 for one without its own."""
    return next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)


def words(error: CrmError, lang: str) -> str:
    """What went wrong, for a person: by reason, else by code, else in general."""
    reason = str(error.values.get("reason", ""))
    known = i18n.catalogue(lang)
    values = {key: value for key, value in error.values.items() if key != "n"}
    for several in {"names", "known"} & values.keys():
        values[several] = ", ".join(map(str, values[several]))
    if reason == "out_of_range" and "least" in values:
        return i18n.t(lang, "desk.error.out_of_range_of", **values)
    for key in (f"desk.error.{error.code}.{reason}", f"desk.error.{reason}", f"desk.error.{error.code}"):
        if key in known:
            return i18n.t(lang, key, **values)
    return i18n.t(lang, "desk.error.internal")


def body(error: CrmError, lang: str) -> dict[str, Any]:
    """The JSON of a fault: `code`, `reason`, `text`, `values`, and `fields` for a form."""
    text = words(error, lang)
    fields = {error.field: text} if isinstance(error, Invalid) else {}
    values = {key: value for key, value in error.values.items() if isinstance(value, (str, int, list))}
    reason = str(error.values.get("reason", ""))
    return {"code": error.code, "reason": reason, "text": text, "values": values, "fields": fields}
