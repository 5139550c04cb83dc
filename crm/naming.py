"""Which of its two names a thing goes by: `name` in the company's own language, `name_en` in all others."""

OWN = "ko"
"""The language of names without an ending; who reads another one, whichever, reads the English ones."""


def in_language(name: str, name_en: str, language: str) -> str:
    """The name for who reads `language`; where there is no English one, the company's own."""
    return name if language == OWN else name_en or name
