"""What the understanding room needs of the rest of the house."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Catalogue(Protocol):
    """Names the understanding should know: products, staff, companies."""

    def version(self) -> str:
        """Changes when the names change."""

    def names(self, kind: str) -> Sequence[tuple[str, str]]:
        """(id, name) of everything of the kind 'product', 'person' or 'company'."""
