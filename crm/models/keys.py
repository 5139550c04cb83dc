"""The column type of search keys: compared code point by code point on both databases."""

from typing import Any

from tortoise import fields


class KeyField(fields.CharField[str]):
    """Text whose order is that of its code points, so that a prefix is a range of an ordinary index."""

    class _db_postgres:
        def __init__(self, field: "KeyField") -> None:
            self.field = field

        @property
        def SQL_TYPE(self) -> str:
            return f'VARCHAR({self.field.max_length}) COLLATE "C"'

    def __init__(self, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length, **kwargs)
