"""`chat`: conversations as a model reads them, and what of them it is trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from tokloom.cli.options import AsJson, Fallback, Pattern, SpecialIds, TokenizerName


def chat(
    tokenizer: TokenizerName,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILES", help="Conversations, one a line as JSON. - or nothing: standard input."
        ),
    ] = None,
    *,
    format: Annotated[
        str, typer.Option("--format", metavar="NAME", help="nanochat, chatml, llama3, mistral or mistral-v1.")
    ] = "nanochat",
    add_tokens: Annotated[
        bool, typer.Option("--add-tokens", help="Add the format's control tokens that the vocabulary lacks.")
    ] = False,
    for_completion: Annotated[
        bool, typer.Option("--for-completion", help="Up to where the assistant is to write.")
    ] = False,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", min=0, help="Cut what is beyond.")] = None,
    show_ids: Annotated[bool, typer.Option("--ids", help="Show each token's id.")] = False,
    as_json: AsJson = False,
    pattern: Pattern = None,
    special_token: SpecialIds = None,
    fallback: Fallback = None,
) -> None:
    """Show conversations as a model reads them: tokens, and which of them are trained.

    [dim]tokloom chat mine conversations.jsonl --format chatml --ids[/]
    """
    from tokloom.chat import Chat, named_format
    from tokloom.cli.inputs import load_tokenizer
    from tokloom.errors import ConversationError

    loaded = load_tokenizer(tokenizer, pattern, special_token, fallback)
    chosen = named_format(format)
    if add_tokens:
        missing = [name for name in chosen.control_tokens if name not in loaded.special_tokens]
        loaded = loaded.with_special_tokens(missing)
    rendering = Chat(loaded, chosen)
    for where, conversation in _conversations(files or ["-"]):
        try:
            rendered = rendering.render(conversation, for_completion=for_completion, max_tokens=max_tokens)
        except ConversationError as error:
            raise ConversationError(f"{where}: {error}") from None
        if as_json:
            typer.echo(json.dumps(rendered._asdict()))
        else:
            rendering.show(*rendered, show_ids=show_ids)


def _conversations(paths: list[str]) -> Iterator[tuple[str, Any]]:
    """Where each stands, and the conversation."""
    from tokloom.errors import FormatError

    for path in paths:
        for number, line in enumerate(_lines(path), 1):
            where = f"{path}, line {number}"
            if line.strip():
                try:
                    conversation = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise FormatError(f"{where}: not JSON ({error})") from None
                yield where, conversation


def _lines(path: str) -> Iterator[bytes]:
    from tokloom.cli.inputs import standard_input
    from tokloom.storage import as_source_error

    try:
        with nullcontext(standard_input()) if path == "-" else Path(path).open("rb") as file:
            yield from file
    except OSError as error:
        raise as_source_error(error, Path(path)) from None
