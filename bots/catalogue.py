"""Fills the understanding's catalogue port with names of the CRM."""

from collections.abc import Sequence

from crm import products
from crm.models import Account, Staff
from nlu.components import catalogue as port


class Names:
    """A snapshot of the names; replaced as a whole, so that a parse never sees half of it."""

    def __init__(self, version: str, kinds: dict[str, list[tuple[str, str]]]) -> None:
        self._version = version
        self._kinds = kinds

    def version(self) -> str:
        return self._version

    def names(self, kind: str) -> Sequence[tuple[str, str]]:
        return self._kinds.get(kind, [])


_current: Names | None = None


async def fill() -> None:
    """Read the names and hand them to the components."""
    global _current
    version = await products.version()
    kinds = {
        "product": await products.names(),
        "person": [(str(i), n) for i, n in await Staff.filter(active=True).values_list("id", "name")],
        "company": [(str(i), n) for i, n in await Account.all().limit(5000).values_list("id", "name")],
    }
    _current = Names(version, kinds)
    port.use(_current)


async def refresh() -> None:
    """Read again when something changed."""
    if _current is None or await products.version() != _current.version():
        await fill()
