"""Rasa component: tokens by Kiwi, with part of speech and lemma, at exact offsets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.components.kiwi import pieces


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class KiwiTokenizer(Tokenizer):
    """Morphemes of Korean, words of everything else; numbers, phones, e-mails, links and amounts whole.

    `Token.data["pos"]` is the Sejong tag (fused syllables: 'VV+EP') or `W_…` for what was kept whole.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Rasa's own settings for splitting intent names; the text needs none."""
        return {"intent_tokenization_flag": False, "intent_split_symbol": "_", "token_pattern": None}

    @staticmethod
    def required_packages() -> list[str]:
        """Packages without which the component cannot work."""
        return ["kiwipiepy"]

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        """Tokens of one attribute of a message."""
        return tokens(message.get(attribute))


def tokens(text: str) -> list[Token]:
    """Rasa's tokens of a text."""
    return [
        Token(piece.text, piece.start, piece.end, data={"pos": piece.tag}, lemma=piece.lemma)
        for piece in pieces(text)
    ]


def tokens_of(message: Message) -> Sequence[Token]:
    """The tokens a message has from a tokenizer; Kiwi's where none ran."""
    known: Sequence[Token] | None = message.get(TOKENS_NAMES[TEXT])
    return tokens(message.get(TEXT) or "") if known is None else known
