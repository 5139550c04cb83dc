"""The address in an answer that says it in a sentence: '주소는 … 301호예요', 'my address is …'."""

import re
from typing import Final

_BEFORE: Final = re.compile(
    r"^\W*((네|예|아|그리고|yes|okay|ok|it'?s|and)[\s,.]+)?"
    r"((제|저희|우리|여기)\s?)?(집\s?)?(주소|위치|사는 곳|방문지|방문하실 곳|집|여기)(는|은|가|이|:)\s*|"
    r"^\W*((yes|okay|ok|and)[\s,.]+)?((my|our|the)\s+)?(home\s+)?address\s*(is|:)\s*|"
    r"^\W*(i|we)\s+live\s+(at|in)\s+",
    re.I,
)
# What ends a sentence only after a house number, a floor, a block, a building or a closing bracket.
_AFTER: Final = re.compile(
    r"(?<=[\d호층동지라트텔스크운관당타빌딩길리)])"
    r"\s*(이에요|예요|에요|이예요|입니다|이요|요|이고요|구요|인데요|(으)?로\s+(와|오|방문|보내|부탁)[^,]*)[\s.!~^]*$|"
    r"[\s,]*\bplease[\s.!]*$",
    re.I,
)


def bare(text: str) -> str:
    """An address without the words around it; the whole text where too little would be left."""
    shorter = _AFTER.sub("", _BEFORE.sub("", text.strip())).strip(" ,.")
    return shorter if len(shorter) >= 6 else text.strip()
