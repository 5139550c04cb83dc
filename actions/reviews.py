"""What words say about finished work: a score, or how it was ('별로였어요', 'not great')."""

import re

# '3시에 오셨는데' and '3 days' are no score.
_SCORE = re.compile(
    r"(?<!\d)([1-5])(?!\d|[:.]\d|\s*(년|월|일|시|분|주|달|번|명|층|차|days?|hours?|weeks?|times?|people)(?![점개]))"
    r"\s*(점|개|stars?|points?)?|별\s*(다섯|넷|네|셋|세|둘|두|하나|한)",
    re.I,
)
_OUT_OF = re.compile(r"(5|다섯|오)\s*점\s*만점(에|에서|중)?|out of (5|five)|/\s*5", re.I)
_STARS = {"다섯": 5, "넷": 4, "네": 4, "셋": 3, "세": 3, "둘": 2, "두": 2, "하나": 1, "한": 1}
_SPELLED = re.compile(
    r"\s*([1-5]|one|two|three|four|five|[일이삼사오](?=\s*점))\s*(점|stars?|points?)?\s*"
    r"(이에요|입니다|이요|요|드릴게요|드려요|줄게요)?[\s.!~]*",
    re.I,
)
_NUMBERS = {
    **dict(zip("일이삼사오", range(1, 6), strict=True)),
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
}

_PRAISE = (
    r"최고|만족|좋|친절|훌륭|완벽|감동|추천|깔끔|편[하했]|"
    r"\b(?:good|great|excellent|perfect|awesome|amazing|wonderful|fantastic|brilliant|happy|satisf\w*|nice|helpful"
    r"|impress\w*|friendly|kind|professional|recommend\w*)"
)
# '안 친절', '친절하지 않', '만족스럽지가 못', 'not very friendly', 'cannot recommend'.
_NO_PRAISE = (
    rf"(?:안|못) ?(?:{_PRAISE})|(?:{_PRAISE})[가-힣]{{0,3}}지[는도가]? ?(?:않|못)|"
    rf"(?:\bnot|\bnever|\bcannot|n'?t|\bhardly)(?: \w+){{0,3}} (?:{_PRAISE})"
)

# Tried in this order: '나쁘지 않았어요' is no complaint, '안 좋았어요' no praise.
_TONES = (
    (
        "fair",
        re.compile(
            r"그저 ?그|"
            r"그냥 ?그|보통|쏘쏘|무난|평범|나쁘지 ?(는|도)? ?않|나쁘진 ?않|so[- ]?so|\bmeh\b|"
            r"\baverage\b|\bnot (too |so |that )?bad\b",
            re.I,
        ),
    ),
    (
        "bad",
        re.compile(
            rf"별로|불만|실망|최악|엉망|불친절|아쉬[웠워운]|나[빴쁩빠쁘]|{_NO_PRAISE}|"
            r"형편 ?없|짜증|화나|불쾌|n'?t like|\bbad\b|\bpoor|terribl|awful|\bnot (really )?what|"
            r"\bworst\b|disappoint|horribl|unhappy|dissatisf|unsatisf|could (be|have been) better|\brude\b",
            re.I,
        ),
    ),
    (
        "good",
        re.compile(
            rf"{_PRAISE}|굿|굳|잘 ?(고쳐|해결|처리|됐|되었|해 ?주)|\blove[dl]?\b|"
            r"\bcould(n'?t| not) be better",
            re.I,
        ),
    ),
    ("fair", re.compile(r"괜찮|\b(ok|okay|alright|all right|fine|decent)\b", re.I)),
)


def score_in(text: str) -> int | None:
    """A score of 1 to 5 in a sentence ('4점이요', '별 다섯 개', '5 stars', 'five')."""
    if (spelled := _SPELLED.fullmatch(text)) and spelled[1].lower() in _NUMBERS:
        return _NUMBERS[spelled[1].lower()]
    match = _SCORE.search(_OUT_OF.sub(" ", text))
    if match is None:
        return None
    return int(match.group(1)) if match.group(1) else _STARS[match.group(4)]


def bare_score(text: str) -> int | None:
    """A score and nothing beside it ('3', '3점이요', 'five stars')."""
    return score_in(text) if _SPELLED.fullmatch(text) else None


def tone(text: str) -> str | None:
    """How words judge the work: 'good', 'fair' or 'bad'; None when they do not judge it."""
    return next((name for name, words in _TONES if words.search(text)), None)
