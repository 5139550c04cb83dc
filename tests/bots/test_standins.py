"""The demo's stand-ins: started from a checkout, on this machine alone, never in a real account's place."""

from pathlib import Path

import aiohttp
import pytest

from bots.demo import standins
from bots.demo.standins import STANDINS, TELEGRAM, Window
from bots.demo.world import TELEGRAM_FIRST
from bots.settings import PREFIX, Settings, load
from tests.standins import starting

ROOT = Path(__file__).parents[2]


def names(plan: standins.Plan) -> list[str]:
    return [child.name for child in plan.children]


def test_a_checkout_gets_every_stand_in_with_a_port_of_its_own() -> None:
    plan = standins.plan(load(port=18080), ROOT)
    assert names(plan) == [one.name for one in STANDINS]
    ports = [child.arguments[1] for child in plan.children]
    assert len(set(ports)) == len(ports)
    assert all(child.module.startswith("tests.standins.") for child in plan.children)


def test_what_the_processes_are_told_are_settings_that_fit_together() -> None:
    plan = standins.plan(load(port=18080), ROOT)
    told = {
        name.removeprefix(PREFIX).lower(): v
        for name, v in plan.environment.items()
        if name.startswith(PREFIX)
    }
    assert set(told) <= set(Settings.model_fields)
    load(**told)
    kakao = next(child for child in plan.children if child.name == "kakao")
    assert f"http://127.0.0.1:18080/channels/kakao/{told['kakao_secret']}" in kakao.arguments


async def test_the_demos_telegram_knows_the_customers_that_the_company_has_already() -> None:
    """Their reminders of visits are due soon after the first start, before anybody has opened a phone."""
    child = next(one for one in standins.plan(load(port=18080), ROOT).children if one.name == "telegram")
    known, strangers = (TELEGRAM_FIRST + 1, TELEGRAM_FIRST + 300), (7, TELEGRAM_FIRST + 1000)
    with starting.started("telegram_api", *child.arguments[2:]) as line:
        async with aiohttp.ClientSession(line.split()[-1]) as telegram:
            heard = {}
            for chat in (*known, *strangers):
                async with telegram.post(
                    f"/bot{TELEGRAM}/sendMessage", json={"chat_id": chat, "text": "내일 방문"}
                ) as answer:
                    heard[chat] = (await answer.json())["ok"]
    assert heard == dict.fromkeys(known, True) | dict.fromkeys(strangers, False)


def test_an_account_of_the_operators_stays_in_force() -> None:
    plan = standins.plan(load(port=18080, telegram_token="1001:AAAA-bbbb_CCCC1111"), ROOT)
    assert "telegram" not in names(plan)
    assert f"{PREFIX}TELEGRAM_API_URL" not in plan.environment
    assert "kakao" in names(plan)


def test_where_others_can_reach_us_nothing_is_started() -> None:
    assert standins.plan(load(public_url="https://help.example.com"), ROOT) == standins.Plan()


def test_without_the_tests_folder_nothing_is_started(tmp_path: Path) -> None:
    assert names(standins.plan(load(), tmp_path)) == []


@pytest.mark.parametrize("window", [Window("kakao", "customer", "http://127.0.0.1:9000/phone?a=b")])
def test_a_window_is_told_to_a_front_and_read_again(window: Window) -> None:
    assert Window.read(str(window)) == window
    assert window.origin == "http://127.0.0.1:9000"


def test_nothing_of_ours_imports_the_tests() -> None:
    for path in (ROOT / "bots").rglob("*.py"):
        lines = path.read_text().splitlines()
        assert not [line for line in lines if line.lstrip().startswith(("import tests", "from tests"))], path
