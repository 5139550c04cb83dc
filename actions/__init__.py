"""What the bot does about what was said: Rasa custom actions over the CRM, one file a topic.

`ALL` is what an executor registers. Actions do database work only, in the turn's transaction.
"""

from rasa_sdk import Action

from actions.callback import AskCallback, CallbackForm, SubmitCallback
from actions.knowledge import Answer, QuestionForm, SubmitQuestion
from actions.live import StartLive
from actions.matter_ask import AskMatter
from actions.matter_form import MatterForm
from actions.matter_show import CancelVisit, ShowRequests, ShowVisit
from actions.matter_submit import SubmitMatter
from actions.people import Complain, HandOver, Later
from actions.request_ask import (
    AskAddress,
    AskConfirm,
    AskPhone,
    AskProduct,
    AskSameSure,
    AskSymptom,
    AskVisit,
    AskVisitSure,
)
from actions.request_form import RequestForm
from actions.request_submit import SubmitRequest
from actions.talk import Advertising, AnswerAside, Chosen, Clarify, Greet, SentFiles, Talk
from actions.verify import AskVerify, SubmitVerify, VerifyForm

ALL: tuple[Action, ...] = (
    Greet(),
    *(Talk(what) for what in ("help", "thank", "goodbye", "affirm", "deny", "chitchat", "out_of_scope")),
    Clarify(),
    Chosen(),
    SentFiles(),
    AnswerAside(),
    Advertising(),
    RequestForm(),
    AskProduct(),
    AskSameSure(),
    AskSymptom(),
    AskVisit(),
    AskVisitSure(),
    AskAddress(),
    AskPhone(),
    AskConfirm(),
    SubmitRequest(),
    MatterForm(),
    *(AskMatter(slot) for slot in ("request_no", "detail", "score", "visit", "sure")),
    SubmitMatter(),
    ShowRequests(),
    ShowVisit(),
    CancelVisit(),
    CallbackForm(),
    *(AskCallback(slot) for slot in ("phone", "callback_at", "sure")),
    SubmitCallback(),
    Complain(),
    HandOver(),
    Later(),
    StartLive(),
    Answer(),
    QuestionForm(),
    SubmitQuestion(),
    VerifyForm(),
    *(AskVerify(slot) for slot in ("target", "code")),
    SubmitVerify(),
)
