"""What is shown of a conversation, and what a stranger's text can't do to where it is shown."""

import io
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import chats
import tokloom
from chats import assistant, user
from tokloom.chat import Chat, show, to_html
from tokloom.errors import ArgumentError, UnknownIdError

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\b\x00\x7f\x9b31m\u202egnp\u2066[bold red]x[/]</span><script>alert(1)</script>&amp;\u2028"


def printed(tokenizer, ids, mask, colours=False, **choices):
    output = io.StringIO()
    console = Console(
        file=output,
        force_terminal=colours,
        color_system="truecolor" if colours else None,
        width=80,
        _environ={},
    )
    show(tokenizer, ids, mask, console=console, **choices)
    return output.getvalue()


@pytest.fixture(scope="module")
def tokenizer():
    return tokloom.load("bytes").with_special_tokens(chats.CONTROL)


def test_without_colours_what_is_trained_stands_in_brackets(tokenizer):
    assert printed(tokenizer, b"abc", [0, 1, 1]) == "a|⟦b|c⟧\n2 of 3 tokens trained\n"
    assert printed(tokenizer, b"a\n", [1, 0], show_ids=True) == "⟦a(97)⟧|↵\n(10)\n1 of 2 tokens trained\n"
    assert printed(tokenizer, b"a\n", [0, 0]) == "a|↵\n0 of 2 tokens trained\n"
    assert printed(tokenizer, [], []) == "\n0 of 0 tokens trained\n"


def test_colours(tokenizer):
    bos = tokenizer.special_tokens["<|bos|>"]
    text = printed(tokenizer, [bos, 97], [0, 1], colours=True)
    assert "\x1b[1;31m<|bos|>\x1b[0m" in text
    assert "\x1b[4;32ma\x1b[0m" in text
    assert "⟦" not in text


def test_a_strangers_text_moves_no_cursor(tokenizer):
    ids = tokenizer.encode(HOSTILE)
    text = printed(tokenizer, ids, [1] * len(ids), show_ids=True)
    assert all(char.isprintable() or char == "\n" for char in text)
    assert r"\x1b" in text
    coloured = printed(tokenizer, ids, [0] * len(ids), colours=True)
    assert all(char.isprintable() or char == "\n" for char in re.sub(r"\x1b\[[0-9;]*m", "", coloured))


@given(st.text())
def test_no_text_gets_out_of_the_page(text):
    tokenizer = tokloom.load("bytes")
    ids = tokenizer.encode(text.encode("utf-8", "ignore"))
    page = to_html(tokenizer, ids, [1] * len(ids), show_ids=True)
    assert all(char.isprintable() or char == "\n" for char in page)
    assert tags(page) == tags(to_html(tokenizer, b"a" * len(ids), [1] * len(ids), show_ids=True))


def tags(page):
    found = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.append((tag, [name for name, _ in attrs]))

        def handle_comment(self, data):
            found.append(("comment", data))

    Tags().feed(page)
    return found


def test_the_page_stands_alone():
    tokenizer = chats.vocabulary()
    chat = Chat(tokenizer, "nanochat")
    ids, mask = chat.render([user(HOSTILE), assistant("fine")])
    page = chat.to_html(ids, mask)
    assert page.startswith("<!doctype html>")
    assert {tag for tag, _ in tags(page)} <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "span",
        "p",
    }
    assert not re.search(r"https?:|src=|url\(|@import", page)
    assert page.count('class="t trained') == sum(mask)
    assert page.count('class="t untrained') == len(mask) - sum(mask)
    assert '<span class="t untrained control"' in page
    assert f"{sum(mask)} of {len(mask)} tokens trained" in page


def test_whole_characters_are_shown_and_parts_of_them_as_bytes():
    tokenizer = tokloom.train(["é"] * 9, 257)
    assert printed(tokenizer, tokenizer.encode("é"), [0]).startswith("é\n")
    assert printed(tokloom.load("bytes"), "é".encode(), [0, 0]).startswith(r"\xc3|\xa9")


@pytest.mark.parametrize("shows", [printed, to_html])
def test_wrong_arguments(shows, tokenizer):
    with pytest.raises(ArgumentError, match="2 ids and 1 marks"):
        shows(tokenizer, [1, 2], [1])
    with pytest.raises(ArgumentError, match="holds -100"):
        shows(tokenizer, [1, 2], [1, -100])
    with pytest.raises(UnknownIdError):
        shows(tokenizer, [10_000], [1])
