"""Readers of what users write on the command line: pipelines, input shapes and output nodes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError
from modelc.text.errors import syntax_finding, text_finding

if TYPE_CHECKING:
    from lark import Lark, Token

Span: TypeAlias = tuple[int, int]

DEPTH = 32  # groups inside each other
REPEAT = "fixpoint"  # the one kind of group: its passes are repeated until nothing changes
ENGLISH = {
    "NAME": "a name",
    "WORD": "a value",
    "TEXT": "a text in double quotes",
}


@dataclass(frozen=True, slots=True)
class OptionText:
    """The value of an option as it was written.

    Attributes:
        value: The text, without its quotes.
        kind: `text` when it was quoted, else `word`.
        span: Where it stands, quotes included: start and end.
    """

    value: str
    kind: str
    span: Span


@dataclass(frozen=True, slots=True)
class PassSpec:
    """One pass of a pipeline as it was written.

    Attributes:
        name: Its name; `fixpoint` for a group that is repeated until nothing changes.
        options: What stands in its braces.
        span: Where its name stands.
        children: The passes of a group.
    """

    name: str
    options: dict[str, OptionText] = field(default_factory=dict[str, OptionText])
    span: Span = (0, 0)
    children: tuple[PassSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class InputShape:
    """The shape given for one input.

    Attributes:
        name: The input's name.
        dims: Its dimensions, None for one that was left open; empty for a scalar.
        span: Where the entry stands.
    """

    name: str
    dims: tuple[int | None, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class OutNode:
    """One result that is to be an output.

    Attributes:
        name: The node's name.
        index: Which of its results.
        span: Where the entry stands.
    """

    name: str
    index: int
    span: Span


# -- pipelines


class _Builder:
    """One method per rule of the grammar; children come as a list."""

    def __init__(self) -> None:
        self.begin("")

    def begin(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self.findings: list[Diagnostic] = []

    def _report(self, token: Token, problem: str) -> None:
        self.findings.append(_finding(self._text, _span(token), problem))

    def start(self, children: list[PassSpec | None]) -> list[PassSpec]:
        return [spec for spec in children if spec is not None]

    def single(self, children: list[Any]) -> PassSpec:
        name, *given = children
        options: dict[str, OptionText] = {}
        for token, value in filter(None, given):
            if token in options:
                self._report(token, f"option `{token}` is given twice")
            options[token.value] = value
        if name == REPEAT:
            self._report(name, f"`{REPEAT}` needs passes in parentheses, as in `{REPEAT}(fold-constants,prune)`")
        return PassSpec(name.value, options, _span(name))

    def group(self, children: list[Any]) -> PassSpec:
        self._depth -= 1
        name, _, *passes = children
        if name != REPEAT:
            self._report(name, f"only `{REPEAT}` takes passes in parentheses; options stand in braces")
        return PassSpec(name.value, {}, _span(name), tuple(passes))

    def open(self, _: list[Any]) -> None:
        self._depth += 1
        if self._depth > DEPTH:
            raise ModelcError(_finding(self._text, (0, 1), f"groups are nested deeper than {DEPTH}"))

    def option(self, children: list[Token]) -> tuple[Token, OptionText]:
        name, value = children
        if value.type == "WORD":
            return name, OptionText(value.value, "word", _span(value))
        return name, OptionText(re.sub(r"\\(.)", r"\1", value[1:-1]), "text", _span(value))


_lock = Lock()


@cache
def _parser() -> tuple[Lark, _Builder]:
    from lark import Lark

    builder = _Builder()
    grammar = files("modelc.text").joinpath("specs.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", transformer=builder), builder


def parse_pipeline(text: str) -> list[PassSpec]:
    """Return the passes that a text such as `freeze,fix-shapes{batch-size=4},fixpoint(simplify,prune)` names.

    Raises:
        ModelcError: The text does not parse; the finding points into it.
    """
    from lark.exceptions import UnexpectedInput

    with _lock:
        parser, builder = _parser()
        builder.begin(text)
        try:
            specs: list[PassSpec] = parser.parse(text)  # type: ignore[assignment]  # the builder makes no tree
        except UnexpectedInput as error:
            raise ModelcError(*builder.findings, syntax_finding("MC406", text, error, parser, ENGLISH)) from None
        if builder.findings:
            raise ModelcError(*builder.findings)
        return specs


# -- shapes and nodes

_DIM = re.compile(r"(?P<open>-1|\?|[0-9]{1,18}\s*~\s*(?:-1|[0-9]{1,18}))|(?P<number>[0-9]{1,18})")


def parse_input_shape(text: str) -> list[InputShape]:
    """Return the shapes that a text such as `image:1,224,224,3;n:8;scalar:` gives.

    A name may itself contain colons: the last one ends it. A range `1~8`, `-1` and `?` leave a dimension open.

    Raises:
        ModelcError: The text does not parse, or names an input twice; all such findings at once.
    """
    findings: list[Diagnostic] = []
    shapes: dict[str, InputShape] = {}
    for entry, span in _entries(text):
        name, colon, dims = entry.rpartition(":")
        if not colon or not name.strip():
            findings.append(_finding(text, span, "an input shape is written `name:1,224,224,3`"))
            continue
        shape = InputShape(name.strip(), _dims(text, dims, span[1] - len(dims), findings), span)
        if shape.name in shapes:
            findings.append(_finding(text, span, f"input `{shape.name}` is given twice"))
        shapes[shape.name] = shape
    if findings:
        raise ModelcError(*findings)
    return list(shapes.values())


def parse_out_nodes(text: str) -> list[OutNode]:
    """Return the results that a text such as `logits:0;boxes:1` names; without a number, the first.

    Raises:
        ModelcError: The text does not parse.
    """
    findings: list[Diagnostic] = []
    nodes: dict[tuple[str, int], OutNode] = {}
    for entry, span in _entries(text):
        name, colon, index = entry.rpartition(":")
        name, index = (name, index) if colon else (entry, "0")
        if not name or not index.isascii() or not index.isdigit() or len(index) > 9:
            findings.append(_finding(text, span, "an output is written `node:0`"))
            continue
        nodes.setdefault((name, int(index)), OutNode(name, int(index), span))
    if findings:
        raise ModelcError(*findings)
    return list(nodes.values())


def parse_input_ranges(text: str) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest number that a text such as `image:0,1;ids:0,30521` gives for inputs.

    Raises:
        ModelcError: The text does not parse, or names an input twice; all such findings at once.
    """
    findings: list[Diagnostic] = []
    ranges: dict[str, tuple[float, float]] = {}
    for entry, span in _entries(text):
        name, _, ends = entry.rpartition(":")
        numbers = [_number(word) for word in ends.split(",")]
        low, high = (numbers[0], numbers[-1]) if len(numbers) == 2 else (None, None)
        if not name.strip() or low is None or high is None or low > high:
            findings.append(_finding(text, span, "a range is written `name:0,255`, the least number first"))
        elif name.strip() in ranges:
            findings.append(_finding(text, span, f"input `{name.strip()}` is given twice"))
        else:
            ranges[name.strip()] = low, high
    if findings:
        raise ModelcError(*findings)
    return ranges


def _number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _entries(text: str) -> Iterator[tuple[str, Span]]:
    """Yield what stands between semicolons, without blanks around it, and where."""
    for match in re.finditer(r"[^;]+", text):
        entry = match[0].strip()
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        if entry:
            yield entry, (start, start + len(entry))


def _dims(text: str, dims: str, start: int, findings: list[Diagnostic]) -> tuple[int | None, ...]:
    if not dims.strip():
        return ()
    values: list[int | None] = []
    for match in re.finditer(r"[^,]*(?:,|$)", dims):
        if match.start() == len(dims) and not dims.endswith(","):
            break
        word = match[0].removesuffix(",")
        dim = _DIM.fullmatch(word.strip())
        if dim is None:
            span = (start + match.start(), start + match.start() + max(1, len(word)))
            findings.append(
                _finding(text, span, f"`{word.strip()}` is no dimension; give a number, or -1 to leave it open")
            )
            continue
        values.append(int(dim["number"]) if dim["number"] else None)
    return tuple(values)


def _finding(text: str, span: Span, problem: str) -> Diagnostic:
    return text_finding("MC406", text, span[0], problem, length=span[1] - span[0])


def _span(token: Token) -> Span:
    return token.start_pos or 0, token.end_pos or 0
