"""The addresses below /api/v1: contacts, conversations, messages, requests, callbacks, articles."""

from collections.abc import Mapping
from typing import Any

from bots.staff import people_acts, request_acts
from bots.web.files import signed
from bots.web.rest import shapes
from bots.web.rest.calls import Call, Operation
from crm import callbacks, contacts, conversations, knowledge, requests
from crm.models import Article, Callback


async def me(call: Call) -> Any:
    return call.staff


# -- contacts -------------------------------------------------------------------------------------------


async def list_contacts(call: Call) -> Any:
    asked: shapes.FindContacts = call.query
    page = await contacts.list_contacts(call.actor, query=asked.query, after=asked.after, limit=asked.limit)
    return {"items": page.items, "next": page.next}


async def create_contact(call: Call) -> Any:
    done = await call.act("contact_create")
    return await contacts.card(call.actor, done.result["id"])


async def get_contact(call: Call) -> Any:
    return await contacts.card(call.actor, call.id)


async def change_contact(call: Call) -> Any:
    await call.act("contact_update", contact=call.id)
    return await contacts.card(call.actor, call.id)


async def reveal_contact(call: Call) -> Any:
    return (await call.act("contact_reveal", contact=call.id)).result


# -- conversations --------------------------------------------------------------------------------------


async def list_conversations(call: Call) -> Any:
    asked: shapes.FindConversations = call.query
    page = await conversations.inbox_list(
        call.actor, view=asked.view, query=asked.query, after=asked.after, limit=asked.limit
    )
    return {"items": page.items, "next": page.next}


async def get_conversation(call: Call) -> Any:
    return await conversations.header(call.actor, call.id)


async def list_messages(call: Call) -> Any:
    await conversations.header(call.actor, call.id)
    asked: shapes.FindMessages = call.query
    rows = await conversations.messages(call.actor, call.id, before_seq=asked.before, limit=asked.limit)
    return {"items": [_message(row) for row in rows]}


def _message(row: Mapping[str, Any]) -> dict[str, Any]:
    files = [{**file, "url": signed(file["token"])} for file in row["files"]]
    return {**row, "files": files}


async def reply(call: Call) -> Any:
    done = await call.act("reply", conversation=call.id)
    return await _one_message(call, done.result["seq"])


async def leave_note(call: Call) -> Any:
    done = await call.act("note", conversation=call.id)
    return await _one_message(call, done.result["seq"])


async def _one_message(call: Call, seq: int) -> Any:
    rows = await conversations.messages(call.actor, call.id, before_seq=seq + 1, limit=1)
    return _message(rows[0])


async def take(call: Call) -> Any:
    await call.act("take", conversation=call.id)
    return await get_conversation(call)


async def hand_back(call: Call) -> Any:
    await call.act("hand_back", conversation=call.id)
    return await get_conversation(call)


async def assign(call: Call) -> Any:
    await call.act("assign", conversations=[call.id])
    return await get_conversation(call)


async def snooze(call: Call) -> Any:
    await call.act("snooze", conversations=[call.id])
    return await get_conversation(call)


async def close(call: Call) -> Any:
    await call.act("close", conversations=[call.id])
    return await get_conversation(call)


async def reopen(call: Call) -> Any:
    await call.act("reopen", conversations=[call.id])
    return await get_conversation(call)


# -- service requests -----------------------------------------------------------------------------------


async def list_requests(call: Call) -> Any:
    asked: shapes.FindRequests = call.query
    filters = requests.Filters(assignee_id=asked.assignee, priority=asked.priority, query=asked.query)
    statuses = [asked.status] if asked.status else requests.OPEN
    items, after = await requests.list_requests(
        call.actor, filters=filters, statuses=statuses, after=asked.after, limit=asked.limit
    )
    return {"items": items, "next": after}


async def open_request(call: Call) -> Any:
    done = await call.act("request_open")
    return await _request(call, done.result["id"])


async def get_request(call: Call) -> Any:
    return await _request(call, call.id)


async def change_request(call: Call) -> Any:
    await call.act("request_amend", request=call.id)
    return await _request(call, call.id)


async def move_request(call: Call) -> Any:
    await call.act("request_status", request=call.id)
    return await _request(call, call.id)


async def assign_request(call: Call) -> Any:
    await call.act("request_assign", request=call.id)
    return await _request(call, call.id)


async def comment_request(call: Call) -> Any:
    await call.act("request_comment", request=call.id)
    return await _request(call, call.id)


async def _request(call: Call, request_id: int) -> dict[str, Any]:
    found = await requests.get(call.actor, request_id)
    request = found["request"]
    fields = {name: getattr(request, name) for name in shapes.RequestShape.model_fields if name != "product"}
    product = request.product.name if request.product else request.product_text
    return {**fields, "product": product, "events": found["events"], "next": found["next"]}


# -- callbacks ------------------------------------------------------------------------------------------


async def list_callbacks(call: Call) -> Any:
    asked: shapes.FindCallbacks = call.query
    rows = await callbacks.due(call.actor, status=asked.status, limit=asked.limit)
    return {"items": [_callback(row) for row in rows]}


async def book_callback(call: Call) -> Any:
    done = await call.act("callback_request")
    return _callback((await callbacks.get(call.actor, done.result["id"]))[0])


async def attempt_callback(call: Call) -> Any:
    await call.act("callback_attempt", callback=call.id)
    return _callback((await callbacks.get(call.actor, call.id))[0])


def _callback(row: Callback) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in shapes.CallbackShape.model_fields}
    return {**fields, "phone": contacts.mask_phone(row.phone)}


# -- articles -------------------------------------------------------------------------------------------


async def list_articles(call: Call) -> Any:
    asked: shapes.FindArticles = call.query
    if asked.query.strip():
        hits = await knowledge.search(asked.query, locale=asked.locale, limit=10)
        return {"items": [hit.article for hit in hits], "next": None}
    found = await knowledge.list_articles(locale=asked.locale, after=asked.after)
    return {"items": found.items, "next": found.next}


async def get_article(call: Call) -> Any:
    slug = call.request.match_info["slug"]
    return await knowledge.get(slug, locale=call.query.locale, published_only=False)


async def save_article(call: Call) -> Any:
    done = await call.act("article_save", slug=call.request.match_info["slug"])
    return await Article.get(id=done.result["id"])


_TALK, _ASKED = "/conversations/{id}", "/requests/{id}"

OPERATIONS = (
    Operation("GET", "/me", "Whose token this is", shapes.Me, me),
    Operation("GET", "/contacts", "Find contacts", shapes.Contacts, list_contacts, shapes.FindContacts),
    Operation(
        "POST", "/contacts", "Add a contact", shapes.ContactShape, create_contact,
        body=people_acts.ContactFields, status=201,
    ),
    Operation("GET", "/contacts/{id}", "One contact, masked", shapes.ContactShape, get_contact),
    Operation(
        "PATCH", "/contacts/{id}", "Change a contact", shapes.ContactShape, change_contact,
        body=people_acts.ContactFields,
    ),
    Operation(
        "POST", "/contacts/{id}/reveal", "Show a masked value; recorded in the audit", shapes.Revealed,
        reveal_contact, body=shapes.RevealBody,
    ),
    Operation(
        "GET", "/conversations", "Conversations of a view, newest first", shapes.Conversations,
        list_conversations, shapes.FindConversations,
    ),
    Operation("GET", _TALK, "One conversation", shapes.ConversationShape, get_conversation),
    Operation(
        "GET", f"{_TALK}/messages", "Messages, notes and events in order", shapes.Messages, list_messages,
        shapes.FindMessages,
    ),
    Operation(
        "POST", f"{_TALK}/messages", "Reply to the customer", shapes.MessageShape, reply,
        body=shapes.ReplyBody, status=201,
    ),
    Operation(
        "POST", f"{_TALK}/notes", "Leave an internal note", shapes.MessageShape, leave_note,
        body=shapes.NoteBody, status=201,
    ),
    Operation("POST", f"{_TALK}/take", "Take it over", shapes.ConversationShape, take),
    Operation("POST", f"{_TALK}/hand-back", "Back to the bot", shapes.ConversationShape, hand_back),
    Operation(
        "POST", f"{_TALK}/assign", "Give it to a person or a team", shapes.ConversationShape, assign,
        body=shapes.AssignBody,
    ),
    Operation(
        "POST", f"{_TALK}/snooze", "Put it off", shapes.ConversationShape, snooze, body=shapes.SnoozeBody
    ),
    Operation("POST", f"{_TALK}/close", "Close it", shapes.ConversationShape, close),
    Operation("POST", f"{_TALK}/reopen", "Open it again", shapes.ConversationShape, reopen),
    Operation(
        "GET", "/requests", "Find service requests", shapes.Requests, list_requests, shapes.FindRequests
    ),
    Operation(
        "POST", "/requests", "Open a service request", shapes.RequestDetail, open_request,
        body=request_acts.OpenRequest, status=201,
    ),
    Operation("GET", _ASKED, "One request with its history", shapes.RequestDetail, get_request),
    Operation(
        "PATCH", _ASKED, "Change what it says", shapes.RequestDetail, change_request,
        body=shapes.ChangeRequest,
    ),
    Operation(
        "POST", f"{_ASKED}/status", "Move it along; the customer is told", shapes.RequestDetail, move_request,
        body=shapes.StatusBody,
    ),
    Operation(
        "POST", f"{_ASKED}/assignee", "Give it to a person, or to nobody", shapes.RequestDetail,
        assign_request, body=shapes.AssigneeBody,
    ),
    Operation(
        "POST", f"{_ASKED}/comments", "Add a comment for staff", shapes.RequestDetail, comment_request,
        body=shapes.CommentBody, status=201,
    ),
    Operation(
        "GET", "/callbacks", "The callback queue by due time", shapes.Callbacks, list_callbacks,
        shapes.FindCallbacks,
    ),
    Operation(
        "POST", "/callbacks", "Book a callback", shapes.CallbackShape, book_callback,
        body=request_acts.NewCallback, status=201,
    ),
    Operation(
        "POST", "/callbacks/{id}/attempts", "Record a call", shapes.CallbackShape, attempt_callback,
        body=shapes.AttemptBody, status=201,
    ),
    Operation(
        "GET", "/articles", "Articles, or those that answer a question", shapes.Articles, list_articles,
        shapes.FindArticles,
    ),
    Operation("GET", "/articles/{slug}", "One article", shapes.ArticleShape, get_article, shapes.Language),
    Operation(
        "PUT", "/articles/{slug}", "Write an article", shapes.ArticleShape, save_article,
        body=shapes.ArticleBody,
    ),
)  # fmt: skip
