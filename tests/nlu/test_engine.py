"""One message and the dialogue before it become replies and the dialogue after it."""

import asyncio

import pytest
from rasa_sdk.executor import ActionExecutor

from nlu import parsing
from nlu.engine import EndlessDialogue, Engine, EngineError, ForbiddenEvent
from tests.nlu.assistant import actions
from tests.nlu.assistant.build import engine, model
from tests.nlu.assistant.talk import NOW, Talk, texts

pytestmark = pytest.mark.rasa


@pytest.fixture
def loaded() -> Engine:
    return engine()


@pytest.fixture
def talk(loaded: Engine) -> Talk:
    return Talk(loaded)


async def test_a_form_is_filled_over_several_messages_and_its_action_replies_in_order(talk: Talk) -> None:
    assert texts(await talk.say("세탁기 고장")) == ["세탁기 증상을 알려 주세요."]
    assert texts(await talk.say("물이 새요")) == ["세탁기, 물이 새요\n\n맞나요?"]
    done = await talk.say("네")
    assert done.intent == "affirm"
    assert done.replies == [
        {
            "text": "SR-1: 세탁기",
            "buttons": [{"title": "확인", "payload": "/greet"}],
            "image": "https://example.invalid/a.png",
        },
        {"custom": {"card": {"number": "SR-1"}}},
    ]


async def test_an_interruption_is_answered_and_the_form_asks_again(talk: Talk) -> None:
    await talk.say("냉장고 고장")
    assert texts(await talk.say("영업시간")) == ["9시부터 6시까지 합니다.", "냉장고 증상을 알려 주세요."]
    assert texts(await talk.say("소리가 나요")) == ["냉장고, 소리가 나요\n\n맞나요?"]


async def test_a_form_can_be_cancelled_and_begun_anew(talk: Talk) -> None:
    await talk.say("세탁기 고장")
    assert texts(await talk.say("취소")) == ["취소했어요."]
    assert texts(await talk.say("고장")) == ["어떤 제품인가요?"]


async def test_a_choice_answers_the_question_it_belongs_to(talk: Talk) -> None:
    asked = await talk.say("고장")
    payload = asked.replies[0]["buttons"][0]["payload"]
    assert texts(await talk.choose(payload, "냉장고")) == ["냉장고 증상을 알려 주세요."]


async def test_an_older_choice_is_no_answer_to_the_open_question(talk: Talk) -> None:
    payload = (await talk.say("고장")).replies[0]["buttons"][0]["payload"]
    await talk.say("세탁기")
    assert texts(await talk.choose(payload, "냉장고")) == [
        "이미 끝난 선택이에요.",
        "세탁기 증상을 알려 주세요.",
    ]


async def test_a_choice_of_a_finished_form_changes_nothing(talk: Talk) -> None:
    assert texts(await talk.choose('/choose{"slot": "product", "value": "냉장고"}')) == [
        "이미 끝난 선택이에요."
    ]
    assert texts(await talk.say("고장")) == ["어떤 제품인가요?"]


async def test_unsure_words_are_the_answer_to_a_question_for_free_text(talk: Talk) -> None:
    await talk.say("세탁기 고장")
    assert texts(await talk.say("영업시간 같은 소리가 나요", band="ask")) == [
        "세탁기, 영업시간 같은 소리가 나요\n\n맞나요?"
    ]


async def test_unsure_words_outside_a_form_are_clarified_with_their_ranking(talk: Talk) -> None:
    turned = await talk.say("영업시간", band="ask")
    assert turned.intent == "nlu_fallback"
    assert texts(turned)[0].startswith("ask: ['ask_hours'")


async def test_an_unsure_answer_to_a_closed_question_counts_unless_its_rival_would_too(talk: Talk) -> None:
    await talk.say("세탁기 고장")
    await talk.say("물이 새요")
    guesses = [{"name": "affirm", "confidence": 0.4}, {"name": "deny", "confidence": 0.35}]
    parsed = {"text": "응뇨", "intent": guesses[0], "intent_ranking": guesses, "entities": [], "band": "ask"}
    assert (await talk.turn("응뇨", parsed)).intent == "nlu_fallback"
    guesses[1] = {"name": "greet", "confidence": 0.3}
    assert texts(await talk.turn("응", {**parsed, "text": "응"}))[0].startswith("SR-1")


async def test_slots_of_the_caller_hold_before_the_message_is_read(talk: Talk) -> None:
    turned = await talk.say("고장", slots={"product": "정수기", "language": "ko", "unknown": 1})
    assert texts(turned) == ["정수기 증상을 알려 주세요."]


async def test_an_expired_session_forgets_the_form(talk: Talk) -> None:
    await talk.say("세탁기 고장")
    parsed = await talk.engine.parse("안녕", at=NOW)
    turned = await talk.turn("안녕", {**parsed, "band": "act"}, expired=True)
    assert texts(turned) == ["처음 뵙겠습니다."]
    assert texts(await talk.say("고장")) == ["어떤 제품인가요?"]


async def test_restart_begins_a_new_session(talk: Talk) -> None:
    await talk.say("세탁기 고장")
    assert texts(await talk.choose("/restart")) == ["다시 시작할게요."]
    assert texts(await talk.say("고장")) == ["어떤 제품인가요?"]


async def test_without_a_rule_the_default_answer_is_given_and_the_dialogue_goes_on(talk: Talk) -> None:
    assert texts(await talk.say("규칙없음")) == ["잘 못 알아들었어요."]
    assert texts(await talk.say("영업시간")) == ["9시부터 6시까지 합니다."]


async def test_the_first_failure_of_an_action_reaches_the_caller(talk: Talk) -> None:
    with pytest.raises(actions.Boom, match="first"):
        await talk.say("폭발")


async def test_a_failure_inside_a_form_reaches_the_caller(talk: Talk) -> None:
    await talk.say("세탁기 고장")
    parsed = parsing.certain("out_of_scope", "폭발")
    with pytest.raises(actions.Boom, match="in a form"):
        await talk.turn("폭발", parsed)


async def test_an_action_that_refuses_to_run_lets_another_be_predicted(talk: Talk) -> None:
    assert texts(await talk.say("거절")) == ["잘 못 알아들었어요."]


async def test_rules_without_an_end_are_an_error(talk: Talk) -> None:
    with pytest.raises(EndlessDialogue):
        await talk.say("끝없이")


async def test_an_action_may_not_pause_the_dialogue(talk: Talk) -> None:
    with pytest.raises(ForbiddenEvent):
        await talk.say("나중에")


async def test_the_callers_context_reaches_the_actions(talk: Talk) -> None:
    await talk.say("세탁기 고장")
    await talk.say("물이 새요")
    written: list[str] = []
    actions.transaction.set(written)
    await talk.say("네")
    assert written == ["세탁기"]


async def test_typed_text_is_never_a_command(talk: Talk) -> None:
    for typed in ("/greet", ' /staff_note{"product": "세탁기"}', "//restart", "/"):
        parsed = await talk.engine.parse(typed, at=NOW)
        assert parsed["text"] == typed
        assert parsed["intent"]["name"] not in ("greet", "staff_note", "restart")
        assert (await talk.turn(typed, {**parsed, "band": "handover"})).intent == "nlu_fallback"


async def test_an_intent_of_the_staff_is_never_believed_of_a_customer(talk: Talk) -> None:
    parsed = parsing.certain("staff_note", "메모")
    assert (await talk.turn("메모", parsed)).intent == "nlu_fallback"
    assert (await talk.turn("메모", parsed, metadata={"audience": "staff"})).intent == "staff_note"


async def test_entities_keep_the_offsets_of_the_text_as_typed(talk: Talk) -> None:
    parsed = await talk.engine.parse("  /세탁기 고장", at=NOW)
    entity = parsed["entities"][0]
    assert (entity["start"], entity["end"], entity["value"]) == (3, 6, "세탁기")


async def test_hostile_text_is_parsed_without_harm(talk: Talk) -> None:
    for text in ("", "   ", "\ud800", "\x00", "가" * 100_000, "/" * 5_000, "{", '"' * 50):
        parsed = await talk.engine.parse(text, at=NOW)
        assert parsed["text"] == text
        await talk.turn(text, {**parsed, "band": "handover"})


async def test_turns_of_many_senders_run_beside_each_other(loaded: Engine) -> None:
    async def one(number: int) -> str:
        mine = Talk(loaded, f"s{number}")
        product = "세탁기" if number % 2 else "냉장고"
        await mine.say(f"{product} 고장")
        await asyncio.sleep(0)
        return texts(await mine.say(f"증상 {number}"))[0]

    answers = await asyncio.gather(*(one(number) for number in range(20)))
    assert answers == [f"{'세탁기' if n % 2 else '냉장고'}, 증상 {n}\n\n맞나요?" for n in range(20)]


async def test_a_model_that_remembers_more_than_rules_do_is_refused() -> None:
    with pytest.raises(EngineError, match="MemoizationPolicy"):
        await Engine.load(model("MemoizationPolicy"), actions.executor())


async def test_another_model_is_loaded_while_the_old_one_serves(loaded: Engine) -> None:
    executor: ActionExecutor = actions.executor()
    loading = asyncio.create_task(Engine.load(model(), executor))
    old = Talk(loaded)
    await old.say("세탁기 고장")
    while not loading.done():
        assert texts(await old.say("영업시간"))
        await asyncio.sleep(0.01)
    new = Talk(await loading)
    new.snapshot = old.snapshot
    assert texts(await new.say("물이 새요")) == ["세탁기, 물이 새요\n\n맞나요?"]
