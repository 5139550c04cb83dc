"""Signing in to the desk."""

from collections.abc import Callable

import pytest

from crm.models import Session, Staff
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in
from tests.bots.web.desk_people import PASSWORD, Browser, Company, word_of

__all__ = ["browser_of", "company", "desk_server", "signed_in"]
Fresh = Callable[[], Browser]


async def test_a_visitor_is_led_to_the_login_and_back(company: Company, browser_of: Fresh) -> None:
    browser = browser_of()
    answer = await browser.client.get("/desk/requests?layout=list", allow_redirects=False)
    assert answer.status == 302
    assert answer.headers["Location"] == "/desk/login?next=/desk/requests?layout%3Dlist"
    page = await (await browser.client.get(answer.headers["Location"])).text()
    form = {"csrf": word_of(page), "login": "seojun", "password": PASSWORD}
    back = await browser.client.post(answer.headers["Location"], data=form, allow_redirects=False)
    assert back.headers["Location"] == "/desk/requests?layout=list"


async def test_a_wrong_password_says_how_many_tries_are_left(company: Company, browser_of: Fresh) -> None:
    browser = browser_of()
    answer = await browser.sign_in("seojun", "wrong")
    assert answer.status == 401
    assert "4번 더 시도할 수 있어요" in await answer.text()


async def test_after_five_wrong_tries_even_the_right_password_waits(
    company: Company, browser_of: Fresh
) -> None:
    browser = browser_of()
    for _ in range(5):
        await browser.sign_in("seojun", "wrong")
    answer = await browser.sign_in("seojun")
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert "잠시 막았어요" in await answer.text()


async def test_the_cookie_is_for_our_pages_only_and_ends_with_the_browser(
    company: Company, browser_of: Fresh
) -> None:
    cookie = (await browser_of().sign_in("seojun")).cookies["dangol_desk"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == ""
    assert cookie.value not in {row.token_hash for row in await Session.all()}


async def test_keep_holds_the_cookie_for_fourteen_days(company: Company, browser_of: Fresh) -> None:
    cookie = (await browser_of().sign_in("seojun", keep="on")).cookies["dangol_desk"]
    assert 13 * 86400 < int(cookie["max-age"]) <= 14 * 86400


async def test_a_login_without_the_forms_word_is_refused(company: Company, browser_of: Fresh) -> None:
    answer = await browser_of().client.post("/desk/login", data={"login": "seojun", "password": PASSWORD})
    assert answer.status == 403


async def test_a_login_never_leads_to_another_site(company: Company, browser_of: Fresh) -> None:
    for elsewhere in ("https://evil.example/desk", "//evil.example/desk", "/\\evil.example", "/desk\\@evil"):
        browser = browser_of()
        page = await (await browser.client.get("/desk/login", params={"next": elsewhere})).text()
        form = {"csrf": word_of(page), "login": "seojun", "password": PASSWORD}
        answer = await browser.client.post(
            "/desk/login", params={"next": elsewhere}, data=form, allow_redirects=False
        )
        assert answer.headers["Location"] == "/desk"


async def test_a_demo_password_works_on_the_machines_own_address_only(
    company: Company, browser_of: Fresh
) -> None:
    await Staff.filter(login="seojun").update(demo=True)
    browser = browser_of()
    page = await (await browser.client.get("/desk/login")).text()
    form = {"csrf": word_of(page), "login": "seojun", "password": PASSWORD}
    away = {"Host": "desk.saebom.example"}
    refused = await browser.client.post("/desk/login", data=form, headers=away, allow_redirects=False)
    assert "이 컴퓨터의 주소에서만" in await refused.text()
    assert (await browser.sign_in("seojun")).status == 302


async def test_who_signs_in_is_present_and_who_signs_out_is_away(signed_in: Staffed) -> None:
    await Staff.all().update(presence="away")
    browser = await signed_in("seojun")
    assert (await Staff.get(login="seojun")).presence == "present"
    await browser.client.post("/desk/logout", data={"csrf": browser.csrf}, allow_redirects=False)
    assert (await Staff.get(login="seojun")).presence == "away"


async def test_logging_out_ends_the_session(signed_in: Staffed) -> None:
    browser = await signed_in("seojun")
    await browser.client.post("/desk/logout", data={"csrf": browser.csrf}, allow_redirects=False)
    assert await Session.all().count() == 0
    answer = await browser.client.get("/desk/api/counts")
    assert answer.status == 401


async def test_an_act_without_the_pages_word_is_refused(signed_in: Staffed) -> None:
    browser = await signed_in("seojun")
    answer = await browser.client.post("/desk/api/acts/presence", json={"presence": "busy"})
    assert answer.status == 403


async def test_the_pages_run_only_our_own_scripts(signed_in: Staffed) -> None:
    browser = await signed_in("seojun")
    answer = await browser.client.get("/desk/conversations")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"no boundary at all"),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"a" * 20_000),
        ("application/x-www-form-urlencoded; charset=no-such", b"login=a"),
        ("application/x-www-form-urlencoded", b"\xff\xfe=%ff"),
    ],
)
async def test_a_form_that_is_none_is_refused_and_breaks_nothing(
    company: Company, browser_of: Fresh, kind: str, body: bytes
) -> None:
    browser = browser_of()
    answer = await browser.client.post("/desk/login", data=body, headers={"Content-Type": kind})
    assert answer.status in (400, 403)
    staffed = browser_of()
    await staffed.sign_in("seojun")
    headers = {"Content-Type": kind, "X-CSRF-Token": staffed.csrf}
    kept = await staffed.client.post("/desk/api/files", data=body, headers=headers)
    assert kept.status in (400, 422)
