"""Which scene the panel shows, from what is allowed and asked."""

from dataclasses import dataclass
from typing import Final

from media.assist.consent import Consent, What
from media.assist.panel import Button, Scene
from media.assist.words import say

CODE_DIGITS: Final = 8


@dataclass(frozen=True)
class Who:
    """Who helps, for whom, in which language."""

    who: str = ""
    company: str = ""
    lang: str = "ko"


def code(lang: str, digits: str, fault: str = "") -> Scene:
    """Digits to press, so that no keyboard is needed; what was typed so far stands in the middle."""
    shown = digits.ljust(CODE_DIGITS, "·")
    rows = [[Button(f"digit:{n}", n, "key") for n in row] for row in ("123", "456", "789")]
    rows.append([Button("delete", say(lang, "code.delete"), "key"), Button("digit:0", "0", "key")])
    rows[-1].append(Button("join", say(lang, "code.join"), "accent" if len(digits) == CODE_DIGITS else "key"))
    detail = say(lang, fault) if fault else say(lang, "code.hint")
    return Scene(say(lang, "code.title"), f"{shown[:4]} {shown[4:]}", detail, rows)


def message(lang: str, key: str, button: str = "close", **values: str) -> Scene:
    """One sentence and one thing to do."""
    rows = [[Button(button, say(lang, button))]] if button else []
    return Scene(say(lang, "title"), say(lang, key, **values), "", rows)


def question(who: Who, what: What, *, name: str = "", size: str = "", alert: bool = False) -> Scene:
    """Refuse and allow, of one size; stopping stays possible while something is shared."""
    values = {"who": who.who, "company": who.company, "name": name, "size": size}
    rows = [[Button("refuse", say(who.lang, "refuse")), Button("allow", say(who.lang, "allow"), "accent")]]
    if alert:
        rows.append([Button("stop", say(who.lang, "stop"), "red")])
    title, detail = say(who.lang, f"ask.{what}"), say(who.lang, f"ask.{what}.detail", **values)
    return Scene(say(who.lang, "title"), title, detail, rows, alert)


def state(who: Who, consent: Consent, *, lost: bool = False, told: str = "", shortcut: str = "") -> Scene:
    """What is shared right now."""
    if not consent.shares:
        text = say(who.lang, "lost") if lost else say(who.lang, "waiting", who=who.who)
        hint = told or say(who.lang, "waiting.hint")
        return Scene(say(who.lang, "title"), text, hint, [[Button("close", say(who.lang, "close"))]])
    control = consent.allows(What.CONTROL)
    text = say(who.lang, "shares.control" if control else "shares.view", who=who.who)
    notes = [say(who.lang, "shares.clipboard")] if consent.allows(What.CLIPBOARD) else []
    notes += [told] if told else []
    notes += [say(who.lang, "stop.keys", keys=shortcut)] if shortcut else []
    detail = " ".join(notes)
    stop = [Button("stop", say(who.lang, "stop"), "red")]
    if control:
        stop.insert(0, Button("stop_control", say(who.lang, "stop.control")))
    return Scene(say(who.lang, "title"), say(who.lang, "lost") if lost else text, detail, [stop], alert=True)
