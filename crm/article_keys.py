"""What a knowledge article is found by: error codes, words, and pairs of Hangul syllables. Pure.

No morphological analyser: pairs of syllables find '배수가' under '배수' and survive typing mistakes, and the
weights of rare pairs do the rest.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

# How much a place of an article counts. A code or keyword is written by staff to be found.
CODE_WEIGHT = 8.0
KEYWORD_WEIGHT = 3.0
TITLE_WEIGHT = 3.0
CATEGORY_WEIGHT = 2.0
BODY_WEIGHT = 0.6

_CODE = re.compile(r"(?<![a-z0-9])([a-z]{1,3})[-\s]?(\d{1,3})(?![a-z0-9])")
_WORD = re.compile(r"[a-z][a-z']+|[가-힣]+")
_PARTICLE = re.compile(
    r"(?<=[가-힣]{2})(?:에서|으로|까지|부터|이랑|하고|은|는|이|가|을|를|에|의|도|로|와|과|랑|만)$"
)
_ENDING = re.compile(
    r"(?<=[가-힣])(?:인가요|인데요|는데요|은데요|습니까|습니다|ㅂ니다|나요|까요|네요|아요|어요|여요|해요|돼요|예요|이에요"
    r"|세요|어서|아서|는데|은데|지만|려고|려면|으면|하면|요|죠)$"
)
# Words of asking: they are in every question and tell nothing about what is asked.
_ASKING = frozenset(
    """
    어떻게 어떡 어떤 무엇 무슨 뭐 뭔 뭘 왜 언제 어디 얼마 얼마나 얼만 알려 알려줘 알려주 주세요
    주시 싶어 싶은 있나 있어 있는 있는지 없나 되나 되는 되는지 하나 하는 하는지 하려 해야 할까
    궁금 궁금해 궁금한 문의 부탁 좀 혹시 그냥 지금 제가 저희 우리 이거 그거 저기 안녕 안녕하 가능
    방법 합니까 됩니까 인가 건가 거예
    the an is are am was be do does did doing can could would should will how what when where why
    who which it its my your our me you we us they this that these those to of in on at for from
    with and or not no yes please tell know want need have has get there if about any some so just
    hi hello
    """.split()  # noqa: SIM905  (a list of words reads better as a text)
)

# Single syllables that are left of verbs and fillers; 물, 문 and 불 stay.
_EMPTY = frozenset("하되돼있없안못더잘수것거줘해주나너네예좀음와오가보")


def normalise(text: str) -> str:
    """One form for comparing: composed syllables, half width, lower case."""
    return unicodedata.normalize("NFKC", text).casefold()


def codes_of(text: str) -> set[str]:
    """Error codes as keys: 'E-21', 'e 21' and 'E21' are all `code:e21`."""
    found = _CODE.findall(normalise(text))
    return {f"code:{letters}{digits}" for letters, digits in found if letters not in _ASKING}


def keys_of(text: str) -> set[str]:
    """Search keys of a text, without words that only ask."""
    keys = codes_of(text)
    for word in _WORD.findall(_CODE.sub(" ", normalise(text))):
        keys |= _keys_of_word(word)
    return keys


def article_keys(title: str, body: str, keywords: Iterable[str], category: str) -> dict[str, float]:
    """The keys of an article with the weight of the best place each stands in."""
    weights: dict[str, float] = {}
    spoken = " \n ".join(keywords)
    places: Sequence[tuple[str, float]] = (
        (body, BODY_WEIGHT),
        (category, CATEGORY_WEIGHT),
        (title, TITLE_WEIGHT),
        (spoken, KEYWORD_WEIGHT),
    )
    for place, weight in places:
        for key in keys_of(place):
            # a code in the body is mentioned, one in title or keywords is what the article is about
            worth = CODE_WEIGHT if key.startswith("code:") and weight >= TITLE_WEIGHT else weight
            weights[key] = max(weights.get(key, 0.0), worth)
    return weights


def best_paragraph(body: str, wanted: Mapping[str, float], longest: int = 400) -> str:
    """The paragraph that answers best, by the worth of the wanted keys in it; the first when none has any."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", body) if part.strip()]
    if not paragraphs:
        return ""

    def worth(paragraph: str) -> float:
        return sum(wanted.get(key, 0.0) for key in keys_of(paragraph))

    best = max(paragraphs, key=worth)  # the earlier one of equals
    return best if len(best) <= longest else best[: longest - 1].rsplit(" ", 1)[0] + "…"


def _keys_of_word(word: str) -> set[str]:
    if word in _ASKING:
        return set()
    if word[0].isascii():
        return {f"w:{_stem(word)}"}
    for cut in (_ENDING, _PARTICLE):
        word = cut.sub("", word)
    if word in _ASKING or not word:
        return set()
    if len(word) == 1:
        return set() if word in _EMPTY else {word}
    return {word[i : i + 2] for i in range(len(word) - 1)}


def _stem(word: str) -> str:
    """Just enough English: leaks, leaking, leaked and leak are one key."""
    word = word.removesuffix("'s").replace("'", "")
    for ending in ("ing", "ied", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)] + ("y" if ending in ("ied", "ies") else "")
    return word.removesuffix("e") if len(word) > 4 else word
