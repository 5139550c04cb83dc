"""A thing goes by its own name to who reads the company's language, and by its English one to all others."""

from datetime import UTC, datetime

import pytest

from crm import company
from crm.actor import SYSTEM
from crm.naming import in_language


@pytest.mark.parametrize(
    ("language", "name"), [("ko", "온수 비데"), ("en", "Warm bidet"), ("ja", "Warm bidet")]
)
def test_other_languages_read_the_english_name(language: str, name: str) -> None:
    assert in_language("온수 비데", "Warm bidet", language) == name


def test_what_has_no_english_name_keeps_its_own() -> None:
    assert in_language("온수 비데", "", "en") == "온수 비데"


@pytest.mark.parametrize(
    ("language", "name"), [("ko", "단골상사"), ("en", "Dangol Ltd."), ("ja", "Dangol Ltd.")]
)
async def test_the_company_names_itself_in_english_to_who_reads_neither(
    any_db: str, language: str, name: str
) -> None:
    await company.update(
        SYSTEM, {"name": "단골상사", "name_en": "Dangol Ltd."}, now=datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
    )
    assert await company.name(language) == name
