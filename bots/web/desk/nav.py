"""The rail, and what every whole page of the desk shows around its content."""

from typing import Any

from bots.web.desk.counting import counts
from bots.web.desk.frame import Desk
from crm import company, happenings

ITEMS = (
    ("conversations", "inbox", True),
    ("requests", "request", False),
    ("contacts", "users", False),
    ("callbacks", "callback", True),
    ("calls", "video", True),
    ("knowledge", "book", False),
    ("admin", "sliders", False),
)


async def shell(desk: Desk, section: str, totals: dict[str, Any] | None = None) -> dict[str, Any]:
    """Rail with counts, company name, and the number from which live updates go on."""
    profile = await company.get()
    return {
        "section": section,
        "nav": [
            {"name": name, "icon": icon, "counted": counted, "href": f"/desk/{name}"}
            for name, icon, counted in ITEMS
        ],
        "counts": totals if totals is not None else await counts(desk),
        "company": profile.name_en if desk.lang == "en" and profile.name_en else profile.name,
        "live_id": await happenings.latest(),
    }
