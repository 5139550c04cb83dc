"""Makes a speech model of the real format whose words are known: no real one can be shipped with the tests.

Every weight that would hear is zero, and the decoder's places carry the words: place t asks for token t of
the given sentences, with the marks of time that Whisper sets around each. Sizes and the order of tokens are
those of Whisper's multilingual models, by which the engine tells what it has.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 64  # of the model's vectors
MELS: Final = 80
PLACES: Final = 448
WORDS: Final = 50257  # tokens of text, before the special ones
END: Final = WORDS
LANGUAGES: Final = ["en", "zh", "de", "es", "ru", "ko", *(f"x{number}" for number in range(93))]
SPECIAL: Final = [
    "<|endoftext|>", "<|startoftranscript|>", *(f"<|{name}|>" for name in LANGUAGES), "<|translate|>",
    "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>",
]  # fmt: skip
TIMES: Final = WORDS + len(SPECIAL)
SIZE: Final = TIMES + 1501
LEAD: Final = 2  # the last place of what the engine puts before: start, language, task
Sentence = tuple[float, float, str]  # begin and end in s, and the words


def make(folder: Path, said: Sequence[Sentence]) -> Path:
    """A model that hears `said` in everything. Needs the `transcripts` extra."""
    from ctranslate2.specs import WhisperSpec

    tokens = _tokenizer(folder / "tokenizer.json")
    spec = WhisperSpec(1, 1, 1, 1)
    letters = np.random.default_rng(7).choice([-1.0, 1.0], (SIZE, WIDTH)).astype(np.float32)
    letters[300:END] = 0  # tokens that stand for nothing
    _encoder(spec.encoder)
    _decoder(spec.decoder, letters, _places(letters, tokens, said))
    names = [name for name, _ in sorted(tokens.get_vocab().items(), key=lambda pair: pair[1])]
    spec.register_vocabulary(names)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [END]
    spec.config.lang_ids = list(range(WORDS + 2, WORDS + 2 + len(LANGUAGES)))
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    spec.save(str(folder))
    about = {
        "feature_size": MELS,
        "sampling_rate": 16000,
        "hop_length": 160,
        "n_fft": 400,
        "chunk_length": 30,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(about))
    return folder


def _tokenizer(file: Path) -> Any:
    """Bytes as Whisper's tokens have them; a few are joined, since the engine forbids their first byte."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    joined = [("Ġ", "-"), ("Ġ", "'"), ("Ġ", "â")]
    named = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(left + right for left, right in joined)]
    named += [f"Ġunused{number}" for number in range(WORDS - 1 - len(named))] + [
        ""
    ]  # '' tells many languages
    made = Tokenizer(models.BPE({name: number for number, name in enumerate(named)}, joined))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL])
    made.add_tokens([AddedToken(f"<|{number * 0.02:.2f}|>", special=False) for number in range(1501)])
    made.save(str(file))
    return made


def _places(letters: NDArray[np.float32], tokens: Any, said: Sequence[Sentence]) -> NDArray[np.float32]:
    """What each place of the decoder asks for, far stronger than the token that stands there."""
    wanted = [END] * PLACES
    line: list[int] = []
    for begin, end, words in said:
        line += [TIMES + round(begin * 50), *tokens.encode(" " + words).ids, TIMES + round(end * 50)]
    wanted[LEAD : LEAD + len(line)] = line
    return letters[wanted] * 100


def _encoder(spec: Any) -> None:
    spec.conv1.weight, spec.conv1.bias = _zeros(WIDTH, MELS, 3), _zeros(WIDTH)
    spec.conv2.weight, spec.conv2.bias = _zeros(WIDTH, WIDTH, 3), _zeros(WIDTH)
    spec.position_encodings.encodings = _zeros(1500, WIDTH)
    _even(spec.layer_norm)
    for layer in spec.layer:
        _attention(layer.self_attention, [3, 1])
        _ahead(layer.ffn)


def _decoder(spec: Any, letters: NDArray[np.float32], places: NDArray[np.float32]) -> None:
    spec.embeddings.weight, spec.position_encodings.encodings = letters, places
    spec.projection.weight = letters
    _even(spec.layer_norm)
    for layer in spec.layer:
        _attention(layer.self_attention, [3, 1])
        _attention(layer.attention, [1, 2, 1])
        _ahead(layer.ffn)


def _attention(spec: Any, widths: Sequence[int]) -> None:
    _even(spec.layer_norm)
    for linear, width in zip(spec.linear, widths, strict=True):
        linear.weight, linear.bias = _zeros(width * WIDTH, WIDTH), _zeros(width * WIDTH)


def _ahead(spec: Any) -> None:
    _even(spec.layer_norm)
    for linear in (spec.linear_0, spec.linear_1):
        linear.weight, linear.bias = _zeros(WIDTH, WIDTH), _zeros(WIDTH)


def _even(spec: Any) -> None:
    spec.gamma, spec.beta = np.ones(WIDTH, np.float32), _zeros(WIDTH)


def _zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)
