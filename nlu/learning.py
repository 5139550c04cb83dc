"""Adds an accepted sentence to the training data: in its place, in form, and only if the lint is content."""

from __future__ import annotations

import re
from pathlib import Path

from nlu.lint import Finding, lint

FILE = "learned.yml"
_HEAD = 'version: "3.1"\nnlu:\n'


class Refused(ValueError):
    """The lint finds fault with the sentence; `findings` says with what. Nothing was written."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("; ".join(map(str, findings)))
        self.findings = findings


def add_example(root: Path, language: str, intent: str, sentence: str) -> Path:
    """Append `sentence` (with its entities marked) to `root/data/<language>/learned.yml`; return the file.

    Raises Refused when the data would be worse for it, and ValueError for more than one line.
    """
    sentence = sentence.strip()
    if not sentence or "\n" in sentence or not re.fullmatch(r"\w+", intent):
        raise ValueError("an example is one line of one intent")
    path = root / "data" / language / FILE
    before = path.read_text(encoding="utf-8") if path.exists() else None
    known = set(lint(root))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_with(before or _HEAD, intent, sentence), encoding="utf-8")
    findings = sorted(one for one in lint(root) if not _had(one, known))
    if findings:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")
        raise Refused(findings)
    return path


def _had(finding: Finding, known: set[Finding]) -> bool:
    """Whether the fault was there before, wherever its line is now."""
    return any((finding.file, finding.rule, finding.text) == (one.file, one.rule, one.text) for one in known)


def _with(content: str, intent: str, sentence: str) -> str:
    lines = content.rstrip("\n").split("\n")
    try:
        at = lines.index(f"- intent: {intent}") + 2
    except ValueError:
        lines += [f"- intent: {intent}", "  examples: |"]
        at = len(lines)
    while at < len(lines) and lines[at].startswith("    - "):
        at += 1
    lines.insert(at, f"    - {sentence}")
    return "\n".join(lines) + "\n"
