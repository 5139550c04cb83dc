"""Words for the faults that an operator's command may meet: one line each, never a traceback."""

from asyncpg import PostgresError
from tortoise.exceptions import DBConnectionError, OperationalError

from bots.settings import SettingsError
from crm.errors import Conflict, CrmError, Invalid, NotFound


class Stop(Exception):
    """A fault the operator can mend; its text is all they need."""


EXPECTED = (SettingsError, Stop, CrmError, OSError, OperationalError, DBConnectionError, PostgresError)

_WRONG = {
    "required": "is missing",
    "too_short": "is too short, at least {least} characters",
    "too_long": "is too long, at most {longest} characters",
    "unknown": "is unknown, one of: {allowed}",
    "letters_and_digits": "may hold letters, digits, dot, hyphen and underscore",
}
_REFUSED = {
    "last_admin": "the last admin stays: make another one first",
    "login_taken": "the login {login} is taken",
}


def explain(fault: BaseException) -> str:
    """The fault in a line for the terminal."""
    if isinstance(fault, Invalid):
        values = {k: ", ".join(v) if isinstance(v, list) else v for k, v in fault.values.items()}
        return f"{fault.field} {_WRONG.get(fault.reason, fault.reason).format(**values)}"
    if isinstance(fault, Conflict):
        return _REFUSED.get(fault.reason, fault.reason).format(**fault.values)
    if isinstance(fault, NotFound):
        return f"there is no such {str(fault) or 'thing'}"
    if isinstance(fault, ConnectionError | OperationalError | DBConnectionError | PostgresError):
        return f"the database: {' '.join(str(fault).split())}"
    return str(fault)
