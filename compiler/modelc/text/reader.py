"""The reader of the textual IR."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from modelc.diagnostics.diagnostic import ModelcError
from modelc.ir.model import Model
from modelc.text.builder import Builder
from modelc.text.errors import syntax_finding

if TYPE_CHECKING:
    from lark import Lark

ENGLISH = {
    "VALUE": "a value such as `%x`",
    "SYMBOL": "a graph name such as `@main`",
    "WORD": "a name",
    "STRING": "a text in double quotes",
    "BYTES": 'bytes such as `b"\\x00"`',
    "SHAPE": "a shape such as `shape[1, ?]`",
    "TYPE": "a type such as `f32[1, 3]`",
    "FLOAT": "a number",
    "HEX": "a number",
    "INT": "an integer",
    "INTS": "a list",
    "LSQB": "a list",
    **dict.fromkeys(("DENSE", "SPLAT", "BYTES_OF", "FILE", "MISSING", "DIGEST"), "a constant such as `dense<[1, 2]>`"),
}

_lock = Lock()


@cache
def _parser() -> tuple[Lark, Builder]:
    from lark import Lark

    builder = Builder()
    grammar = files("modelc.text").joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", transformer=builder), builder


def read_model(text: str, filename: str = "<text>", folder: Path | None = None) -> Model:
    """Return the model that `text` describes.

    Args:
        text: The textual IR.
        filename: What findings call the text.
        folder: Where relative paths of constants are looked up; without it the text must have none.

    Raises:
        ModelcError: The text does not parse, or does not describe a model; all that is wrong with its meaning is
            reported at once.
    """
    from lark.exceptions import UnexpectedInput

    with _lock:
        parser, builder = _parser()
        builder.begin(text, filename, folder)
        try:
            parser.parse(text)
            return builder.finish()
        except UnexpectedInput as error:
            problem = syntax_finding("MC411", text, error, parser, ENGLISH, file=filename)
            raise ModelcError(*builder.findings, problem) from None
        finally:
            builder.begin("", "", None)
