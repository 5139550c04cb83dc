"""What short words mean under the newest message: its label typed, a yes to its question, a bare score.

Words alone ('네', '3', '아직도 안 돼요') say little; under the message that
they answer they are as good as a button.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from actions import reviews
from actions.said import is_no, is_yes
from crm import choices

# A question with one of these asks for more than a yes: which, when, once more, this or that.
_OPEN = re.compile(
    r"무엇|무슨|어느|어떤|어디|언제|몇|누구|왜|다시 말씀|까요, .*까요|"
    r"\b(what|which|when|where|how|who|why|say it again|or)\b",
    re.I,
)
_STILL_BROKEN = re.compile(
    r"아직|여전히|그대로|또 |다시 (고장|새|안|그래|이상|똑같)|안 ?(돼|되|고쳐|됐|됬)|똑같|"
    r"still|again|not (fixed|working|solved)|(isn'?t|doesn'?t|does not|is not) (fixed|work)|same problem",
    re.I,
)
_SOLVED = re.compile(
    r"(해결|처리|수리|고쳐)\S{0,3} ?(됐|되었|끝났|완료|졌)|잘 ?(돼|되|나와|작동)|"
    r"(is|it'?s|was|all|been) (solved|fixed|resolved)|works? (now|again|fine)",
    re.I,
)
_NO_USE = re.compile(
    r"안 ?(돼|되|됐|됬|통해|먹)|소용 ?없|똑같|그대로|여전히|아직도|(해|했)(봤|본)|"
    r"(didn'?t|did not|doesn'?t|does not) (help|work)|no (use|luck)|tried (that|it)|still",
    re.I,
)
_LONGEST = 40  # a longer text says what it wants by itself


async def meant(conversation_id: int, text: str) -> Mapping[str, Any] | None:
    """The choice that `text` amounts to under the newest message; None when it stands for itself."""
    words = text.strip().casefold()
    newest = await choices.last_said(conversation_id) if words else None
    if newest is None:
        return None
    offered = list(choices.pressables(newest["choices"], newest["cards"]))
    for item in offered:
        if words in (choices.label(item).casefold(), choices.said(item).casefold()):
            return item
    if len(words) > _LONGEST:
        return None
    offered_now = newest["choices"]
    return _after_the_work(words, offered_now) or _after_advice(words, offered_now) or _agreed(words, newest)


def _agreed(words: str, newest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A yes to a question that can be answered by yes is its first choice."""
    question = str(newest["text"]).strip()
    if not newest["choices"] or not question.endswith("?") or _OPEN.search(question.splitlines()[-1]):
        return None
    first: Mapping[str, Any] = newest["choices"][0]
    return first if is_yes(words) else None


def _after_advice(words: str, offered: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Under 'did this help?': a no, or that it is no use, wants the repair that stands beside it."""
    payloads = {str(item.get("payload", "")): item for item in offered}
    if "/thank" not in payloads or not (is_no(words) or _NO_USE.search(words)):
        return None
    return payloads.get("/request_service")


def _after_the_work(words: str, offered: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Under 'it is resolved, how was it?': a score, a word about the work, 'still broken'."""
    scores = [item for item in offered if str(item.get("payload", "")).startswith("/rate_service")]
    if not scores:
        return None
    if (score := reviews.bare_score(words)) and len(scores) == 5:
        return scores[score - 1]
    request = re.sub(r', "score": "\d"', "", str(scores[0]["payload"]))
    if _STILL_BROKEN.search(words) or is_no(words):
        return {"label": "", "payload": request.replace("/rate_service", "/reopen_request")}
    if is_yes(words) or _SOLVED.search(words):
        return {"label": "", "payload": request.replace("}", ', "solved": "yes"}')}
    return {"label": "", "payload": request} if reviews.tone(words) else None
