"""On the desk: likely twins are suggested, merged, parted again, or told apart for good."""

from crm import contacts, merging
from crm.actor import SYSTEM
from crm.models import Contact
from tests.bots.web.desk_fixtures import Staffed, browser_of, company, desk_server, signed_in
from tests.bots.web.desk_people import utc_now

__all__ = ["browser_of", "company", "desk_server", "signed_in"]


async def twins() -> tuple[Contact, Contact]:
    made = [
        await contacts.create(SYSTEM, now=utc_now(), name=name, phone="010-7777-1234")
        for name in ("한지우", "지우")
    ]
    return made[0], made[1]


async def test_a_likely_twin_is_merged_and_parted_again(signed_in: Staffed) -> None:
    one, twin = await twins()
    browser = await signed_in("seojun")
    page = await browser.page(f"/desk/contacts/{one.id}")
    assert "같은 고객일까요?" in page
    assert "같은 전화" in page
    done = await browser.act("contact_merge", contact=one.id, other=twin.id)
    assert done["said"] == "두 기록을 한 고객으로 합쳤어요"
    assert await merging.resolve(twin.id) == one.id
    assert "직원이 확인" in await browser.page(f"/desk/contacts/{twin.id}")
    await browser.act(done["undo"]["act"], **done["undo"]["args"])
    assert await merging.resolve(twin.id) == twin.id


async def test_two_people_of_one_household_are_told_apart_for_good(signed_in: Staffed) -> None:
    one, twin = await twins()
    browser = await signed_in("seojun")
    await browser.act("contact_tell_apart", contact=twin.id, other=one.id)
    assert "같은 고객일까요?" not in await browser.page(f"/desk/contacts/{one.id}")


async def test_all_twins_of_the_company_stand_on_one_page_with_what_can_be_done(signed_in: Staffed) -> None:
    one, twin = await twins()
    browser = await signed_in("seojun")
    assert "/desk/contacts/twins" in await browser.page("/desk/contacts")
    page = await browser.page("/desk/contacts/twins")
    assert f'data-pair="{one.id}-{twin.id}"' in page
    assert "010-••••-1234" in page
    assert "010-7777-1234" not in page
    await browser.act("contact_tell_apart", contact=one.id, other=twin.id)
    assert f'data-pair="{one.id}-{twin.id}"' not in await browser.page("/desk/contacts/twins")


async def test_who_may_not_merge_is_shown_no_twins(signed_in: Staffed) -> None:
    browser = await signed_in("mari")
    assert "/desk/contacts/twins" not in await browser.page("/desk/contacts")
    assert (await browser.client.get("/desk/contacts/twins")).status == 403
