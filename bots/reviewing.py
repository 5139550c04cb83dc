"""`dangol train --review`: a person at the terminal says which kept sentences become training data."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from bots import wiring
from bots.settings import Settings
from crm import candidates
from crm.errors import NotFound
from crm.models import TrainingCandidate
from nlu.language import BY_RULE, detect
from nlu.learning import Refused, add_example
from nlu.lint import plain
from nlu.train import ensure_model
from nlu.understand import Understanding

Parse = Callable[[str, datetime], Mapping[str, Any]]
HELP = "Enter/y: accept · name of an intent: accept as that · e: edit · r: reject · s: later · q: stop"


async def run(
    settings: Settings,
    *,
    root: Path,
    read: Callable[[str], str] = input,
    parse: Parse | None = None,
) -> None:
    """Show each undecided sentence and do as the person says; the end of the input stops.

    `parse` marks the entities of what staff corrected; the trained model, loaded when there is such a thing.
    """
    added = 0
    parse = parse or _by_model(settings, root)
    async with wiring.ready(settings):
        print(HELP)
        after = 0
        while found := await candidates.undecided(after):
            for one in found:
                after = one.id
                answer = await _review(one, root, read, parse)
                if answer is None:
                    print(_summary(added))
                    return
                added += answer
    print(_summary(added))


def _by_model(settings: Settings, root: Path) -> Parse:
    @cache
    def model() -> Understanding:
        return Understanding.load(ensure_model(settings.models_dir, root=root, progress=print))

    return lambda text, at: model().parse(text, at=at)


def _summary(added: int) -> str:
    return f"{added} added to the training data." + (" Now run: dangol train" if added else "")


async def _review(one: TrainingCandidate, root: Path, read: Callable[[str], str], parse: Parse) -> int | None:
    """How many examples the answer added; None when the person stops."""
    sentence, intent, language = one.text or await _read(one, parse), one.intent, one.language
    if not sentence:
        return 0
    while True:
        offered = f" · offered: {', '.join(map(str, one.offered))}" if one.offered else ""
        print(f"\n#{one.id} [{language}] {sentence}\n  {one.how}: {intent or '?'}{offered}")
        try:
            answer = read("> ").strip()
        except EOFError:
            return None
        if answer == "q":
            return None
        if answer == "s":
            return 0
        if answer == "r":
            await candidates.decide(one, accepted=False, now=datetime.now(UTC))
            return 0
        if answer == "e":
            sentence = read("text: ").strip() or sentence
            language = _language(sentence, language)
            continue
        meant = intent if answer in ("", "y") else answer
        if _added(root, language, meant, sentence):
            await candidates.decide(one, accepted=True, now=datetime.now(UTC))
            return 1


def _language(sentence: str, before: str) -> str:
    """The language of an edited sentence, entities unmarked; where its letters do not tell, what it was.

    Latin letters are English only where it was Korean or English: of other languages the model alone knows.
    """
    told = detect(plain(sentence)[0])
    return told if told and (told == "ko" or before in BY_RULE) else before


async def _read(one: TrainingCandidate, parse: Parse) -> str:
    """The words of a message that staff said was misunderstood, marked and masked; "" when it is gone."""
    try:
        message = await candidates.words_of(one)
    except NotFound:
        return ""
    parsed = parse(message.text, message.created_at)
    return candidates.masked(message.text, parsed["entities"], one.language)


def _added(root: Path, language: str, intent: str, sentence: str) -> bool:
    known = re.fullmatch("[a-z]{2,3}", language) and (root / "nlu/data" / language).is_dir()
    try:
        path = add_example(root / "nlu", language if known else "en", intent, sentence)
    except Refused as refused:
        print("  not added:", *refused.findings, sep="\n    ")
        return False
    except ValueError as error:
        print(f"  not added: {error}")
        return False
    print(f"  added to {path.relative_to(root)}")
    return True
