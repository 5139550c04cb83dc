"""An event of Slack with all that Slack had to be asked for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bots.staff.slack.client import Place, Slack
from crm.slack import Known
from crm.staff_inbox import Event


@dataclass
class Ready:
    """What `acting` needs; it asks nobody outside the database."""

    event: Event
    slack: Slack
    known: Known
    bot: str = ""
    place: Place | None = None
    files: list[str] = field(default_factory=list)  # tokens of stored files
    faults: list[str] = field(default_factory=list)  # names of files that could not be taken
    names: Mapping[str, str] = field(default_factory=dict)  # Slack user -> name, of those mentioned

    @property
    def data(self) -> dict[str, Any]:
        return self.event.data
