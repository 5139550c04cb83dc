"""Who does something: a staff member, a contact, the bot or the system itself."""

from dataclasses import dataclass

from crm.errors import Forbidden


@dataclass(frozen=True)
class Actor:
    """The one on whose behalf a service function acts. Written into audit and history as `ref`."""

    kind: str  # staff, contact, bot, system
    id: int | None = None
    role: str = ""
    name: str = ""

    @property
    def ref(self) -> str:
        """`staff:3`, `contact:7`, `bot` or `system`."""
        return self.kind if self.id is None else f"{self.kind}:{self.id}"

    @property
    def is_staff(self) -> bool:
        return self.kind == "staff"


BOT = Actor("bot")
SYSTEM = Actor("system")

# What each role may do beyond what every staff member may (see docs/operators: roles).
MANAGES = frozenset({"manager", "admin"})
ADMINISTERS = frozenset({"admin"})

PERMISSIONS: dict[str, frozenset[str]] = {
    "conversation.read": frozenset({"agent", "technician", "sales", "marketing", "manager", "admin"}),
    "conversation.write": frozenset({"agent", "technician", "sales", "manager", "admin"}),
    "contact.read": frozenset({"agent", "technician", "sales", "marketing", "manager", "admin"}),
    "contact.reveal": frozenset({"agent", "technician", "sales", "manager", "admin"}),
    "contact.write": frozenset({"agent", "sales", "manager", "admin"}),
    "contact.block": frozenset({"agent", "manager", "admin"}),
    "contact.merge": frozenset({"agent", "manager", "admin"}),
    "contact.erase": ADMINISTERS,
    "request.read": frozenset({"agent", "technician", "sales", "marketing", "manager", "admin"}),
    "request.write": frozenset({"agent", "technician", "sales", "manager", "admin"}),
    "callback.write": frozenset({"agent", "technician", "sales", "manager", "admin"}),
    "live.read": frozenset({"agent", "technician", "sales", "marketing", "manager", "admin"}),
    "live.write": frozenset({"agent", "technician", "sales", "manager", "admin"}),
    "recording.view": frozenset({"agent", "technician", "sales", "manager", "admin"}),
    "recording.delete": MANAGES,
    "article.write": frozenset({"agent", "technician", "marketing", "manager", "admin"}),
    "canned.write": MANAGES | {"agent"},
    "label.write": MANAGES | {"agent"},
    "template.write": MANAGES | {"marketing"},
    "team.write": MANAGES,
    "hours.write": MANAGES,
    "company.write": MANAGES,
    "staff.write": ADMINISTERS,
    "audit.read": MANAGES,
}


def check(actor: Actor, permission: str) -> None:
    """Let the bot, the system and permitted roles pass.

    Raises `Forbidden` for staff whose role lacks `permission`, and for contacts always: what a contact may
    do with their own things is checked by the service itself.
    """
    if actor.kind in ("bot", "system"):
        return
    if not (actor.is_staff and actor.role in PERMISSIONS[permission]):
        raise Forbidden(permission)
