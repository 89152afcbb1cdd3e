"""The file that describes the preprocessing, `insert_op_conf.cfg`: protobuf text, read with positions in errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Final, TypeAlias

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor

from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, fail
from modelc.frontends.protobuf import Schema
from modelc.text.errors import text_finding

LARGEST: Final = 1 << 20  # bytes of a file
STATIC, DYNAMIC = "static", "dynamic"

Scalar: TypeAlias = bool | int | float | str
Fields: TypeAlias = Mapping[str, Scalar]

_CHANNELS = range(4)
_MATRIX = tuple(f"matrix_r{row}c{column}" for row in range(3) for column in range(3))
_INPUT_BIAS, _OUTPUT_BIAS = (tuple(f"{which}_bias_{i}" for i in range(3)) for which in ("input", "output"))
_MEANS, _MINIMA, _FACTORS = (tuple(f"{name}_chn_{i}" for i in _CHANNELS) for name in ("mean", "min", "var_reci"))
_SIZES = (
    *("src_image_size_w", "src_image_size_h", "load_start_pos_w", "load_start_pos_h", "crop_size_w", "crop_size_h"),
    *("resize_output_w", "resize_output_h"),
    *("left_padding_size", "right_padding_size", "top_padding_size", "bottom_padding_size"),
)
_SWITCHES = (
    *("crop", "resize", "padding", "csc_switch", "rbuv_swap_switch", "ax_swap_switch", "single_line_mode"),
    "support_rotation",
)


def _schema() -> Schema:
    fields = [
        *("aipp_mode Mode", "related_input_rank uint32", "related_input_name string", "input_format Format"),
        *("max_src_image_size uint32", "padding_value float", "cpadding_value float", "raw_rgbir_to_f16_n uint32"),
        *(f"{name} int32" for name in (*_SIZES, *_MATRIX, *_INPUT_BIAS, *_OUTPUT_BIAS, *_MEANS)),
        *(f"{name} bool" for name in _SWITCHES),
        *(f"{name} float" for name in (*_MINIMA, *_FACTORS)),
    ]
    rows = [f"{field.split()[0]}={number} opt {field.split()[1]}" for number, field in enumerate(fields, 1)]
    return Schema(
        "modelc.aipp",
        f"""
        enum Mode: undefined=0, static=1, dynamic=2
        enum Format: UNDEFINED=0, YUV420SP_U8=1, XRGB8888_U8=2, RGB888_U8=3, YUV400_U8=4, NC1HWC0DI_FP16=5,
          NC1HWC0DI_S8=6, ARGB8888_U8=7, YUYV_U8=8, YUV422SP_U8=9, AYUV444_U8=10, RAW10=11, RAW12=12, RAW16=13,
          RAW24=14, RGB16=15, RGB20=16, RGB24=17, RGB8_IR=18, RGB16_IR=19, RGB24_IR=20
        File: aipp_op=1 rep Op
        Op: {", ".join(rows)}, input_edge_idx={len(rows) + 1} unpacked uint32
        """,
    )


_SCHEMA: Final = _schema()
_YUV_TO_RGB: Final = (298, 0, 409, 298, -100, -208, 298, 516, 0)  # what the Graph Engine takes where none is given
_RGB_TO_YUV: Final = (66, 129, 25, -38, -74, 112, 112, -94, -18)
_BIAS: Final = (16, 128, 128)


@dataclass(frozen=True, slots=True)
class Aipp:
    """The preprocessing of one input.

    Attributes:
        fields: What was given, by the names of the file.
        number: Its position in the file, from 0.
    """

    fields: tuple[tuple[str, Scalar], ...]
    number: int = 0

    @property
    def given(self) -> dict[str, Scalar]:
        """What was given, by name."""
        return dict(self.fields)

    @property
    def mode(self) -> str:
        """`static` or `dynamic`, or `undefined`."""
        return str(self.given.get("aipp_mode", "undefined"))

    @property
    def format(self) -> str:
        """The format of images, `YUV420SP_U8`."""
        return str(self.given.get("input_format", "UNDEFINED"))

    def on(self, switch: str) -> bool:
        """Whether a switch is on."""
        return bool(self.given.get(switch, False))

    def integer(self, name: str) -> int:
        """Return a whole number, 0 where it is not given."""
        return int(self.given.get(name, 0))

    def pair(self, first: str, second: str) -> tuple[int, int]:
        """Return two whole numbers, each 0 where it is not given."""
        return self.integer(first), self.integer(second)

    @property
    def matrix(self) -> tuple[int, ...]:
        """The nine numbers of the colour conversion, row by row."""
        return self._integers(_MATRIX, _YUV_TO_RGB if self.is_yuv else _RGB_TO_YUV)

    @property
    def input_bias(self) -> tuple[int, ...]:
        """What is taken from the channels of YUV before the conversion."""
        return self._integers(_INPUT_BIAS, _BIAS) if self.is_yuv else (0, 0, 0)

    @property
    def output_bias(self) -> tuple[int, ...]:
        """What is added to the channels of YUV after the conversion."""
        return (0, 0, 0) if self.is_yuv else self._integers(_OUTPUT_BIAS, _BIAS)

    def _integers(self, names: tuple[str, ...], defaults: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(int(self.given.get(name, default)) for name, default in zip(names, defaults, strict=True))

    @property
    def is_yuv(self) -> bool:
        """Whether images come as YUV."""
        return "YUV" in self.format

    @property
    def shifts(self) -> tuple[float, ...]:
        """What is taken from each channel: mean and minimum together."""
        pairs = zip(_MEANS, _MINIMA, strict=True)
        return tuple(float(self.given.get(mean, 0)) + float(self.given.get(low, 0.0)) for mean, low in pairs)

    @property
    def factors(self) -> tuple[float, ...]:
        """What each channel is multiplied by."""
        return tuple(float(self.given.get(name, 1.0)) for name in _FACTORS)

    @property
    def normalizes(self) -> bool:
        """Whether numbers are shifted or scaled."""
        return any(self.shifts) or set(self.factors) != {1.0}

    def text(self) -> str:
        """Return all that was given as JSON, the form in which an artifact holds it."""
        return json.dumps(self.given, sort_keys=True, separators=(",", ":"))

    def having(self, **more: Scalar) -> Aipp:
        """Return this preprocessing with some fields set."""
        return Aipp(tuple({**self.given, **more}.items()), self.number)


def from_text(text: str) -> Aipp:
    """Return the preprocessing that an artifact holds as JSON; raises ValueError when it is none."""
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    known = _SCHEMA.descriptor("Op").fields_by_name
    if not isinstance(document, dict) or any(name not in known for name in document):
        raise ValueError("it is no preprocessing")
    for name, value in document.items():
        if not isinstance(value, _kind(known[name])):
            raise ValueError(f"`{name}` is {value!r}")
    aipp = Aipp(tuple(document.items()))
    for _, problem in _problems(aipp):
        raise ValueError(problem)
    return aipp


def _kind(field: FieldDescriptor) -> type | UnionType:
    if field.type in (FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_STRING) or field.name == "input_edge_idx":
        return str
    return int | float if field.type == FieldDescriptor.TYPE_FLOAT else int  # switches may be 0 and 1


def read_config(path: Path) -> list[Aipp]:
    """Return the preprocessing of every input that a file describes.

    Raises:
        ModelcError: The file cannot be read, does not parse, or holds values that exclude each other.
    """
    try:
        data = path.read_bytes()[: LARGEST + 1]
        text = data.decode("utf-8")
    except OSError as error:
        raise fail("MC720", f"`{path}` cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise fail("MC720", f"`{path}` is not a text", file=str(path)) from error
    if len(data) > LARGEST:
        raise fail("MC720", f"`{path}` has more than {LARGEST >> 20} MiB", file=str(path))
    return parse_config(text, str(path))


def parse_config(text: str, file: str = "") -> list[Aipp]:
    """Return the preprocessing of every input that a text describes; raises ModelcError as `read_config` does."""
    message = _SCHEMA.message("File")()
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise ModelcError(_syntax(text, error, file)) from None
    ops = [_aipp(op, number) for number, op in enumerate(message.aipp_op)]
    if not ops:
        fix = Fix("describe an input: aipp_op { aipp_mode: static input_format: RGB888_U8 }")
        raise fail("MC720", "no `aipp_op` is described", file=file, fixes=[fix])
    problems = [
        text_finding("MC720", text, _place(text, op.number, name), problem, length=len(name), file=file)
        for op in ops
        for name, problem in _problems(op)
    ]
    if problems:
        raise ModelcError(*problems)
    return ops


def _aipp(op: Any, number: int) -> Aipp:
    fields: dict[str, Scalar] = {}
    for field, value in op.ListFields():
        if field.name == "input_edge_idx":
            fields[field.name] = ",".join(map(str, value))
        else:
            fields[field.name] = field.enum_type.values_by_number[value].name if field.enum_type else value
    return Aipp(tuple(fields.items()), number)


def _syntax(text: str, error: text_format.ParseError, file: str) -> Diagnostic:
    line, column = max(1, error.GetLine() or 1), max(1, error.GetColumn() or 1)
    lines = text.splitlines(keepends=True)
    place = min(sum(map(len, lines[: line - 1])) + column - 1, len(text))
    problem = re.sub(r"^\d+:\d+ : ", "", str(error)).replace("modelc.aipp.", "")
    unknown = re.search(r'has no field named "(\w+)"', problem)
    if unknown is None:
        return text_finding("MC720", text, place, problem.rstrip(".").replace('"', "`"), file=file)
    name = unknown[1]
    near = get_close_matches(name, list(_SCHEMA.descriptor("Op").fields_by_name), 1, 0.6)
    hint = f"; near: `{near[0]}`" if near else ""
    place = text.find(name, max(0, place - len(name) - 1)) if name in text[max(0, place - len(name) - 1) :] else place
    return text_finding("MC720", text, place, f"there is no setting `{name}`{hint}", length=len(name), file=file)


def _place(text: str, number: int, name: str) -> int:
    """Return where setting `name` of an op stands in the text, or where the op does."""
    bare = re.sub(r"#[^\n]*", lambda match: " " * len(match[0]), text)
    starts = [match.start() for match in re.finditer(r"\baipp_op\b", bare)]
    start = starts[number] if number < len(starts) else 0
    end = starts[number + 1] if number + 1 < len(starts) else len(bare)
    match = re.compile(rf"\b{name}\s*:").search(bare, start, end)
    return match.start() if match else start


# -- values

_NEEDED: Final = {
    "crop": ("crop_size_w", "crop_size_h"),
    "resize": ("resize_output_w", "resize_output_h"),
}
_BYTES: Final = (*_INPUT_BIAS, *_OUTPUT_BIAS, *_MEANS)
_HALF: Final = 65504.0  # the largest number of 16 bits
_WIDE: Final = 1 << 15
_EVEN: Final = ("src_image_size_w", "src_image_size_h", "load_start_pos_w", "load_start_pos_h")
_LONGEST: Final = (1 << 16) - 1  # pixels of a side


def _problems(op: Aipp) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the values of one op, each with the setting it is about."""
    if op.mode == "undefined":
        yield "aipp_mode", "`aipp_mode` must be static or dynamic"
    if op.mode == STATIC and op.format == "UNDEFINED":
        yield "input_format", "`input_format` must be given"
    if op.mode == DYNAMIC and not op.integer("max_src_image_size"):
        yield "max_src_image_size", "dynamic preprocessing needs `max_src_image_size`"
    for name in _SIZES:
        if op.integer(name) < 0:
            yield name, f"`{name}` cannot be negative"
        if op.integer(name) > _LONGEST:
            yield name, f"`{name}` can be at most {_LONGEST}"
    for switch, names in _NEEDED.items():
        for name in names:
            if op.on(switch) and op.integer(name) == 0:
                yield switch, f"`{switch}` needs `{name}`"
    yield from _ranges(op)
    if op.mode == STATIC and op.format == "YUV420SP_U8":
        for name in _EVEN:
            if op.integer(name) % 2 and (op.on("crop") or name.startswith("src")):
                yield name, f"`{name}` must be even for YUV420SP_U8"
    if op.on("csc_switch") and op.format == "YUV400_U8":
        yield "csc_switch", "images of one channel have no colours to convert"


def _ranges(op: Aipp) -> Iterator[tuple[str, str]]:
    for name in _BYTES:
        if not 0 <= op.integer(name) <= 255:
            yield name, f"`{name}` must be within 0 and 255"
    for name in _MATRIX:
        if not -_WIDE <= op.integer(name) < _WIDE:
            yield name, f"`{name}` must fit 16 bits"
    for name in (*_MINIMA, *_FACTORS, "padding_value"):
        if not -_HALF <= float(op.given.get(name, 0.0)) <= _HALF:
            yield name, f"`{name}` must be within {-_HALF:g} and {_HALF:g}"
