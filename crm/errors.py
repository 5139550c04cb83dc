"""What can go wrong in the CRM. Front ends turn `code` and `values` into words of their catalogue."""

from typing import Any


class CrmError(Exception):
    """An expected fault with a stable `code`; `values` fill the words shown for it."""

    code = "error"

    def __init__(self, message: str = "", **values: Any) -> None:
        super().__init__(message or self.code)
        self.values = values


class NotFound(CrmError):
    """There is no such thing, or the actor may not know of it."""

    code = "not_found"


class Forbidden(CrmError):
    """The actor's role lacks a permission."""

    code = "forbidden"

    def __init__(self, permission: str) -> None:
        super().__init__(f"needs the permission {permission}", permission=permission)


class Invalid(CrmError):
    """A field's value is wrong; `field` names it and `reason` is a stable word such as `too_long`."""

    code = "invalid"

    def __init__(self, field: str, reason: str, **values: Any) -> None:
        super().__init__(f"{field}: {reason}", field=field, reason=reason, **values)
        self.field = field
        self.reason = reason


class Conflict(CrmError):
    """The thing changed meanwhile, or does not allow this now (e.g. a status transition)."""

    code = "conflict"

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(reason, reason=reason, **values)
        self.reason = reason
