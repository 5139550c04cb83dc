"""Words for the faults that an operator's command may meet: one line each, never a traceback."""

import errno
import os

from asyncpg import PostgresError
from tortoise.exceptions import DBConnectionError, OperationalError

from bots.settings import SettingsError
from crm.errors import Conflict, CrmError, Invalid, NotFound


class Stop(Exception):
    """A fault the operator can mend; its text is all they need."""


def cannot_listen(host: str, port: int, fault: OSError) -> Stop:
    """The front cannot have its port: what to change."""
    number = fault.errno or 0  # of a name that cannot be looked up below zero
    why = os.strerror(number) if number > 0 else str(fault.strerror)
    why = "the port is taken" if number == errno.EADDRINUSE else why.lower()
    return Stop(
        f"cannot listen on {host} port {port}: {why}. Example: DANGOL_HOST=127.0.0.1 DANGOL_PORT=8081"
    )


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
        told = f"the database: {' '.join(str(fault).split())}"
        away = isinstance(fault, ConnectionError | DBConnectionError)
        return f"{told} (is DANGOL_DATABASE_URL right, and is it running?)" if away else told
    return str(fault)
