"""Every channel is a file with limits, samples of what it receives and a page; found by its name."""

import importlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots import fleet
from bots.channels import email_incoming, web
from bots.channels.base import Account, Caps, Channel, Outbound, Ports
from bots.settings import Settings, setting

ROOT = Path(__file__).parents[3]
PAYLOADS = ROOT / "tests" / "payloads"
NAMES = sorted(
    path.stem
    for path in (ROOT / "bots/channels").glob("*.py")
    if "_" not in path.stem and path.stem != "base"
)
SOLAPI = {
    "solapi_key": "NCSAYU7YDBXYORXC",
    "solapi_secret": "9TQPLJX3MZKHW2RB5VNCY8DFG4SAE6UT",
    "solapi_sender": "15881234",
    "solapi_url": "http://127.0.0.1:1",
    "solapi_webhook_secret": "a-secret-of-the-hooks",
}
# The values of an account's settings, as `make` takes them.
VALUES: Mapping[str, dict[str, str]] = {
    "telegram": {
        "token": "1001:AAAA-bbbb_CCCC1111",
        "api_url": "http://127.0.0.1:1",
        "webhook_secret": "a-secret-of-the-hook",
    },
    "sms": SOLAPI,
    "alimtalk": {**SOLAPI, "profile": "KA01PF000000000000000dangoldemo"},
    "kakao": {"secret": "a-secret-path-of-kakao-24x", "callback_hosts": ".kakao.com"},
    "email": {"mail_from": "새봄가전 <help@shop.example>", "smtp_url": "", "imap_url": ""},
}
# What a channel that says only approved templates is given with a message.
DATA: Mapping[str, dict[str, Any]] = {
    "alimtalk": {"template": {"code": "KA01TP1", "variables": {"회사": "새봄"}}}
}


MORE = "https://help.example.com/c/1"


async def _nothing(*_args: object) -> Any:
    return b""


PORTS = Ports("https://help.example.com", _nothing, _nothing, _nothing, _nothing, _nothing, _nothing)


def channel(name: str) -> Any:
    module = importlib.import_module(f"bots.channels.{name}")
    return web.WebChannel() if name == "web" else module.make("", VALUES[name], PORTS)


def samples(name: str) -> list[Path]:
    return sorted((PAYLOADS / name).glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_channel_has_a_page_samples_and_limits(name: str) -> None:
    assert (ROOT / "docs" / "channels" / f"{name}.md").exists()
    assert samples(name), f"tests/payloads/{name} has no samples"
    made = channel(name)
    assert isinstance(made, Channel)
    assert (made.name, type(made.caps)) == (name, Caps)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "web"])
def test_a_channel_is_switched_on_by_a_setting_of_its_own(name: str) -> None:
    key = fleet.CHANNELS[name]
    assert setting(name, key) in Settings.model_fields
    made = channel(name)
    assert isinstance(made, Account)
    assert made.account == ""


@pytest.mark.parametrize(
    "path", [p for name in NAMES for p in samples(name)], ids=lambda p: f"{p.parent.name}-{p.stem}"
)
def test_each_sample_means_what_it_says(path: Path) -> None:
    sample = json.loads(path.read_text())
    payload = sample["payload"]
    if path.parent.name == "web":
        frame = web.FRAMES.validate_python(payload["frame"])
        payload = {"frame": frame, "external_user": "s1", "at": datetime(2026, 3, 4, tzinfo=UTC)}
    if path.parent.name == "email":
        mail = (path.parent / payload["eml"]).read_bytes()
        facts = email_incoming.read(mail, "", {"help@shop.example"}, datetime(2026, 3, 4, tzinfo=UTC))
        assert facts.verdict == sample["verdict"]
        returned = {**asdict(facts.bounce), "references": [*facts.bounce.references]} if facts.bounce else {}
        assert returned == sample.get("bounce", {})
        payload = {"mail": mail, "at": datetime(2026, 3, 4, tzinfo=UTC)}
    inbound = channel(path.parent.name).parse(payload)
    if sample["inbound"] is None:
        assert inbound is None
        return
    assert inbound is not None
    assert inbound.channel == path.parent.name
    assert inbound.received_at.tzinfo is not None
    found = asdict(inbound)
    assert {key: found[key] for key in sample["inbound"]} == sample["inbound"]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "web"])
@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=9000), count=st.integers(0, 120))
@settings(max_examples=40, deadline=None)
def test_wires_have_keys_of_their_own_and_name_their_recipient(name: str, text: str, count: int) -> None:
    offer = [{"label": f"선택 {n}", "value": f"v{n}"} for n in range(count)]
    data = DATA.get(name, {})
    text = text[:1000] if data else text
    out = Outbound("k", "", "5001", text, "bot", choices=offer, more_url=MORE, data=data)
    wires = channel(name).render(out)
    assert len({wire.key for wire in wires}) == len(wires)
    assert {wire.to for wire in wires} <= {"5001"}


def test_no_channel_imports_another() -> None:
    for name in NAMES:
        for path in (ROOT / "bots/channels").glob(f"{name}*.py"):
            text = path.read_text()
            assert not [o for o in NAMES if o != name and f"bots.channels.{o}" in text], path.name
