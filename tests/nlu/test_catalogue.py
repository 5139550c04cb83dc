"""Names of the house's own catalogue are found, also with a slip of the finger."""

from collections.abc import Iterator, Sequence

import pytest
from rasa.nlu.tokenizers.tokenizer import Token

from nlu.components import catalogue
from nlu.components.kiwi import pieces


class Shop:
    """A catalogue in memory."""

    def __init__(self) -> None:
        self.products = [
            ("p1", "새봄 드럼세탁기 SB-W210"),
            ("p2", "에어솔 공기청정기"),
            ("p3", "에어솔 제습기"),
        ]

    def version(self) -> str:
        return str(len(self.products))

    def names(self, kind: str) -> Sequence[tuple[str, str]]:
        return {"product": self.products, "person": [("s1", "김민수")], "company": [("c1", "(주)한빛상사")]}[
            kind
        ]


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    catalogue.use(shop)
    yield shop
    catalogue.use(None)


def named(text: str) -> list[tuple[str, str, str]]:
    tokens = [Token(piece.text, piece.start, piece.end) for piece in pieces(text)]
    return [
        (one["entity"], one["value"], one["resolved"]["id"]) for one in catalogue.named_spans(text, tokens)
    ]


def test_full_names_are_found_with_or_without_spaces(shop: Shop) -> None:
    assert named("에어솔공기청정기가 시끄러워요") == [("product", "에어솔공기청정기", "p2")]
    assert named("에어솔 제습기 얼마예요") == [("product", "에어솔 제습기", "p3")]


def test_a_model_number_names_its_product(shop: Shop) -> None:
    assert named("SB-W210 문 고무 교체요") == [("product", "SB-W210", "p1")]


def test_one_slip_is_forgiven_in_a_long_name_but_not_in_a_persons(shop: Shop) -> None:
    assert named("에어솔 공기쳥정기 필터요") == [("product", "에어솔 공기쳥정기", "p2")]
    assert named("김민서 기사님 언제 와요") == []
    assert named("김민수 기사님 언제 와요") == [("person", "김민수", "s1")]


def test_a_part_of_a_name_counts_only_if_one_name_has_it(shop: Shop) -> None:
    assert catalogue.look_up("product", "드럼세탁기") == ("p1", "새봄 드럼세탁기 SB-W210")
    assert catalogue.look_up("product", "에어솔") is None


def test_new_names_are_known_as_soon_as_the_version_changes(shop: Shop) -> None:
    assert catalogue.look_up("product", "새봄 인덕션") is None
    shop.products.append(("p4", "새봄 인덕션"))
    assert catalogue.look_up("product", "새봄 인덕션") == ("p4", "새봄 인덕션")


def test_without_a_catalogue_nothing_is_named() -> None:
    assert named("에어솔 제습기 얼마예요") == []


def test_one_slip() -> None:
    assert catalogue.within_one("abcd", "abdc")
    assert catalogue.within_one("abcd", "abd")
    assert catalogue.within_one("abcd", "abxd")
    assert not catalogue.within_one("abcd", "axyd")
