"""A very small assistant: enough sentences to learn from in a second."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_LINES = (ROOT / "tests/nlu/small.txt").read_text(encoding="utf-8").splitlines()
EVERYTHING = dict(line.split(": ", 1) for line in _LINES)
CUSTOMER = {name: texts for name, texts in EVERYTHING.items() if not name.startswith("staff_")}


def examples() -> list[tuple[str, str]]:
    """(text, intent) of a customer's sentences."""
    return [(text, name) for name, texts in CUSTOMER.items() for text in texts.split("|")]


def annotated(text: str) -> str:
    """With entities, for the sentences that have them."""
    for word, entity in (
        ("세탁기", "product"),
        ("냉장고", "product"),
        ("A1234", "order_no"),
        ("물이 새요", "symptom"),
    ):
        text = text.replace(word, f"[{word}]({entity})")
    return text


def project(folder: Path) -> Path:
    """A project with our configuration and these sentences, in a folder."""
    (folder / "nlu/data").mkdir(parents=True)
    (folder / "nlu/domain").mkdir()
    (folder / "config.yml").write_text((ROOT / "config.yml").read_text(encoding="utf-8"), encoding="utf-8")
    lines = ['version: "3.1"', "nlu:"]
    for name, texts in EVERYTHING.items():
        lines += [
            f"- intent: {name}",
            "  examples: |",
            *(f"    - {annotated(text)}" for text in texts.split("|")),
        ]
    lines += ["- synonym: 세탁기", "  examples: |", "    - 세탁기계", "    - 빨래기계"]
    (folder / "nlu/data/all.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    names = "".join(f"  - {name}\n" for name in EVERYTHING)
    entities = "".join(f"  - {name}\n" for name in ("product", "order_no", "symptom", "date", "phone"))
    domain = f'version: "3.1"\nintents:\n{names}entities:\n{entities}'
    (folder / "nlu/domain/domain.yml").write_text(domain, encoding="utf-8")
    return folder
