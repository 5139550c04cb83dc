"""E-mail as the world writes it, and as we write it: nothing raises, nothing is lost or forged."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import Header
from email.message import EmailMessage
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bots.channels import email_headers as headers
from bots.channels import email_incoming, email_outgoing, email_quotes
from bots.channels.base import Outbound, OutFile
from bots.channels.email_headers import Address
from tests.standins.mail_server import faults_of

AT = datetime(2026, 11, 3, 6, 0, tzinfo=UTC)
US = Address("새봄가전", "help@shop.example")
THEM = "minseo@customer.example"

anything = st.text(st.characters(exclude_categories=("Cs",)), max_size=120)
words = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs", "Cc")),
        st.sampled_from("가나다라 요.\n\r\t<>@:;,\"'=?_-(광고)🙂é"),
    ),
    max_size=120,
)
ids = st.from_regex(r"[a-z0-9.]{1,60}@[a-z]{1,20}\.example", fullmatch=True)
NAMES = ("From", "To", "Cc", "Subject", "Date", "Message-ID", "References", "In-Reply-To", "Content-Type",
         "Content-Disposition", "Content-Transfer-Encoding", "Auto-Submitted", "Return-Path")  # fmt: skip


unhurried = settings(max_examples=30, deadline=None)  # a loaded machine is no fault


# --- in


@unhurried
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=80)), max_size=12), st.binary(max_size=400)
)
def test_no_mail_however_broken_makes_the_reader_fail(
    fields: Sequence[tuple[str, bytes]], body: bytes
) -> None:
    mail = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in fields) + b"\r\n" + body
    facts = email_incoming.read(mail, "", {US.address}, AT)
    assert facts.verdict in {"message", "own", "bounce", "auto", "list"}
    assert 0 < len(facts.external_id) <= headers.ID_MAX
    assert (facts.inbound is not None) == (facts.verdict == "message")


@unhurried
@given(anything, st.sampled_from(["utf-8", "cp949"]))
def test_an_encoded_header_is_read_as_it_was_written(text: str, charset: str) -> None:
    written = headers.one_line(text)
    try:
        written.encode(charset)
    except UnicodeEncodeError:
        charset = "utf-8"
    encoded = Header(written, charset, header_name="Subject").encode()
    assert _bare(headers.decode(encoded.replace("\n", ""))) == _bare(written)


def _bare(text: str) -> str:
    return "".join(text.split())


lines = st.lists(
    st.one_of(
        words.map(lambda text: " ".join(text.split())),
        words.map(lambda text: "> " + " ".join(text.split())),
        st.sampled_from(
            [
                "", "-- ", "--", "----- Original Message -----", "보낸 사람: 새봄가전", "받는사람: 민서",
                "제목: 안내", "Sent from my iPhone",
                "On Tue, Nov 3, 2026 at 3:12 PM Saebom <help@shop.example> wrote:", "나의 iPhone에서 보냄",
                "2026년 11월 3일 (화) 오후 3:12, 새봄가전 <help@shop.example>님이 작성:",
                "---------- Forwarded message ---------", "_____________",
            ]
        ),
    ),
    max_size=25,
)  # fmt: skip


@unhurried
@given(lines)
def test_folding_loses_no_line(written: Sequence[str]) -> None:
    new, folded = email_quotes.fold("\n".join(written))
    kept = sorted(line.rstrip() for line in f"{new}\n{folded}".split("\n") if line.strip())
    assert kept == sorted(line.rstrip() for line in "\n".join(written).split("\n") if line.strip())


answers = words.map(lambda text: " ".join(text.replace(">", "").split())).filter(
    lambda text: any(c.isalnum() for c in text) and not any(mark in text for mark in ("--", ":", "__"))
)
HEADS = (
    "2026년 11월 3일 (화) 오후 3:12, 새봄가전 <help@shop.example>님이 작성:",
    "On Tue, Nov 3, 2026 at 3:12 PM Saebom <help@shop.example> wrote:",
    "----- Original Message -----",
)


@unhurried
@given(
    answers,
    st.sampled_from(HEADS),
    st.lists(words.map(lambda t: " ".join(t.split())), min_size=1, max_size=6),
)
def test_an_answer_above_its_quote_is_all_that_is_new(answer: str, head: str, quoted: Sequence[str]) -> None:
    quote = "\n".join(f"> {line}" for line in quoted)
    new, folded = email_quotes.fold(f"{answer}\n\n{head}\n\n{quote}\n")
    assert new == answer
    assert head in folded


@unhurried
@given(st.lists(ids, max_size=30, unique=True), ids)
def test_references_are_read_in_their_order(named: list[str], answered: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = THEM, US.address, "<new@customer.example>"
    mail["References"] = " ".join(f"<{one}>" for one in named) or "none"
    mail["In-Reply-To"] = f"<{answered}>"
    mail.set_content("안녕하세요")
    facts = email_incoming.read(mail.as_bytes(policy=policy.SMTP), "", {US.address}, AT)
    assert list(facts.references) == list(dict.fromkeys([*named, answered]))


# --- out

choices = st.lists(
    st.builds(
        lambda label, value: {"label": label or "예", "value": value},
        words,
        st.uuids().map(lambda u: u.hex[:8]),
    ),
    max_size=6,
)
knowing = st.fixed_dictionaries(
    {
        "subject": words,
        "answers": ids,
        "references": st.lists(ids, max_size=22),
        "number": st.sampled_from(["", "SR-2026-000123"]),
        "company": words,
        "name": words,
        "unsubscribe": st.sampled_from(["", "https://help.shop.example/u/abc"]),
    }
)


def message(text: str = "안녕하세요.", **more: Any) -> Outbound:
    return Outbound(
        key="Q7mJ3fJm0Kc9r2vXb1ZtYw8LpN4sHdEa", channel_account="", external_user=THEM, text=text,
        **{"author": "bot", "at": AT, "lang": "ko", **more},
    )  # fmt: skip


def written(said: Outbound) -> tuple[bytes, EmailMessage]:
    (wire,) = email_outgoing.render(said, US)
    mail = email_outgoing.build(wire, US, [b"%PDF-1.7"] * len(wire.payload["files"]))
    read = message_from_bytes(mail, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return mail, read


@unhurried
@given(words, choices, knowing, st.sampled_from(["reply", "info", "ad"]), st.booleans())
def test_whatever_we_say_is_a_mail_without_fault_and_says_it_all(
    text: str, offered: Any, known: dict[str, Any], purpose: str, staff: bool
) -> None:
    if purpose == "ad":  # the composer gives it to every advertisement
        known = {**known, "unsubscribe": "https://help.shop.example/u/abc"}
    file = OutFile(name=text or "파일", type="application/pdf", size=8, url="https://x.example/f", token="t")
    said = message(
        text, choices=offered, purpose=purpose, author="staff" if staff else "bot", data={"mail": known},
        files=[file],
    )  # fmt: skip
    mail, read = written(said)
    assert faults_of(mail, US.address) == ""
    assert read["To"].addresses[0].addr_spec == THEM
    plain = read.get_body(("plain",))
    assert plain is not None
    shown = _bare(plain.get_content())
    assert _bare(text) in shown
    for number, choice in enumerate(offered, 1):
        assert _bare(f"{number}. {choice['label']}") in shown
    assert ("Auto-Submitted" in read) == (not staff)
    assert str(read["Subject"]).startswith("(광고)") == (purpose == "ad")
    assert ("List-Unsubscribe" in read) == bool(known["unsubscribe"])
    again, _ = written(said)
    assert again == mail  # sent again it is the same, to the byte


@unhurried
@given(knowing.filter(lambda known: known["references"]))
def test_a_mail_of_ours_answers_the_thread_and_names_it_whole(known: dict[str, Any]) -> None:
    _, read = written(message(data={"mail": known}))
    assert str(read["References"]).split() == [f"<{one}>" for one in known["references"]]
    assert str(read["In-Reply-To"]) == f"<{known['answers']}>"


@unhurried
@given(st.lists(st.tuples(words, choices), min_size=2, max_size=5))
def test_several_messages_as_one_mail_keep_all_their_words_and_choices(said: Any) -> None:
    merged = email_outgoing.merge([message(text, choices=offered) for text, offered in said])
    _, read = written(merged)
    plain = read.get_body(("plain",))
    assert plain is not None
    shown = _bare(plain.get_content())
    for text, offered in said:
        assert _bare(text) in shown
        for choice in offered:
            assert _bare(choice["label"]) in shown
    for number, choice in enumerate(said[-1][1], 1):
        assert _bare(f"{number}. {choice['label']}") in shown
