"""What has been loaded so far, by the names the data files use."""

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bots.demo.clock import Clock
from crm.models import (
    Contact,
    Identity,
    Label,
    Possession,
    Product,
    ServiceRequest,
    Staff,
    Team,
    TimelineEntry,
)

TELEGRAM_FIRST = 900_000_000  # and the contact's number: how Telegram calls a customer of the demo


@dataclass
class World:
    """The company in the making."""

    clock: Clock
    random: random.Random
    staff: dict[str, Staff] = field(default_factory=dict)  # by login
    teams: dict[str, Team] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)  # by code
    contacts: dict[str, Contact] = field(default_factory=dict)  # the named ones
    everybody: list[Contact] = field(default_factory=list)
    identities: dict[int, list[Identity]] = field(default_factory=dict)  # by contact
    possessions: dict[int, list[Possession]] = field(default_factory=dict)  # by contact
    requests: dict[int, ServiceRequest] = field(default_factory=dict)  # the newest of a contact
    timeline: list[TimelineEntry] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.clock.now

    def happened(
        self,
        contact_id: int,
        kind: str,
        at: datetime,
        subject: str = "",
        subject_id: int | None = None,
        **data: Any,
    ) -> None:
        """An entry of a contact's timeline, written with the others at the end of a step."""
        self.timeline.append(
            TimelineEntry(
                contact_id=contact_id, kind=kind, subject=subject, subject_id=subject_id, data=data, at=at
            )
        )

    async def write_timeline(self) -> None:
        await TimelineEntry.bulk_create(self.timeline, batch_size=100)
        self.timeline = []
