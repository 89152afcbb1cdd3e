"""Which input a preprocessing belongs to, and whether what it gives is what the model takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from modelc.aipp.config import DYNAMIC, Aipp
from modelc.aipp.emulate import CHANNELS
from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, finding
from modelc.ir.graph import Graph
from modelc.ir.op import Value
from modelc.ir.types import U8, Dim, Element, TensorType, tensor

Size = tuple[int, int]  # height and width

_UNUSUAL: Final = ("input_edge_idx", "single_line_mode", "support_rotation", "raw_rgbir_to_f16_n")
_TAKEN: Final = frozenset({"f32", "f16", "u8"})


@dataclass(frozen=True, slots=True)
class Placement:
    """One preprocessing in front of one input.

    Attributes:
        aipp: The preprocessing, with the size of images filled in where it is static.
        value: The input of the model.
        is_planar: Whether the model takes [N, C, H, W].
        channels: How many channels it takes.
        images: The type of images.
    """

    aipp: Aipp
    value: Value
    is_planar: bool
    channels: int
    images: TensorType


class _MisfitError(Exception):
    """A preprocessing does not fit; holds the finding."""

    def __init__(self, code: str, problem: str, value: Value | None, *evidence: tuple[str, str], fix: str = "") -> None:
        super().__init__(problem)
        fixes = [Fix(fix)] if fix else []
        self.finding = finding(code, problem, value, evidence=evidence, fixes=fixes)


def fit(configs: Sequence[Aipp], graph: Graph, *, on_device: bool = False) -> tuple[list[Placement], list[Diagnostic]]:
    """Return where each preprocessing goes, and what is to be said besides.

    Args:
        configs: What a file describes.
        graph: The model's graph, with the types of its inputs known.
        on_device: Whether CANN will do it, which knows more formats and takes parameters at run time.

    Raises:
        ModelcError: Everything that does not fit.
    """
    placements: list[Placement] = []
    problems: list[Diagnostic] = []
    taken: dict[Value, int] = {}
    for aipp in configs:
        try:
            value = _input(aipp, graph)
            if value in taken:
                name = graph.input_names[value.index]
                raise _MisfitError("MC721", f"input `{name}` is preprocessed twice, by op {taken[value]} too", value)
            taken[value] = aipp.number
            if not (on_device and (aipp.mode == DYNAMIC or aipp.format not in CHANNELS)):
                placements.append(_place(aipp, graph, value))
        except _MisfitError as error:
            problems.append(error.finding)
    if problems:
        raise ModelcError(*problems)
    notes = [] if on_device else [_approximate(graph, each.value) for each in placements if each.aipp.on("resize")]
    return placements, notes


def _approximate(graph: Graph, value: Value) -> Diagnostic:
    return finding(
        "MC722",
        f"images for `{graph.input_names[value.index]}` are resized with two linear steps; how chips weigh pixels "
        "is not published, so numbers on a device may differ a little",
        value,
    )


def _input(aipp: Aipp, graph: Graph) -> Value:
    names = graph.input_names
    listed = ("inputs", ", ".join(f"{i}: {name}" for i, name in enumerate(names)) or "none")
    name = str(aipp.given.get("related_input_name", ""))
    if name:
        spellings = {s: i for i, each in enumerate(names) for s in (each, f"{each}:0", each.removesuffix(":0"))}
        if name not in spellings:
            raise _MisfitError("MC721", f"there is no input `{name}` to preprocess", None, listed)
        return graph.inputs[spellings[name]]
    rank = aipp.integer("related_input_rank")
    if rank >= len(names):
        problem = f"`related_input_rank` is {rank}, the model has {len(names)} inputs, counted from 0"
        raise _MisfitError("MC721", problem, None, listed)
    return graph.inputs[rank]


def _place(aipp: Aipp, graph: Graph, value: Value) -> Placement:
    name, type_ = graph.input_names[value.index], value.type
    if any(op.kind == "ge.Aipp" for op in value.users):
        raise _MisfitError("MC721", f"input `{name}` has its preprocessing already", value)
    if aipp.mode == DYNAMIC:
        problem = f"dynamic preprocessing of `{name}` takes its parameters at run time, which only a device does"
        raise _MisfitError("MC723", problem, value, fix="describe it as static, or let CANN's atc build: --atc")
    if aipp.format not in CHANNELS:
        problem = f"images of format {aipp.format} for `{name}` cannot be preprocessed here"
        fix = f"use one of {', '.join(CHANNELS)}, or let CANN's atc build: --atc"
        raise _MisfitError("MC723", problem, value, fix=fix)
    unusual = next((each for each in _UNUSUAL if aipp.given.get(each)), "")
    if unusual:
        problem = f"`{unusual}` in the preprocessing of `{name}` is not emulated"
        raise _MisfitError("MC723", problem, value, fix="leave it out, or let CANN's atc build: --atc")
    if not isinstance(type_, TensorType) or not type_.is_static or type_.rank != 4 or type_.element is None:
        problem = f"input `{name}` is {type_}; images take the place of a batch of images of known size only"
        raise _MisfitError("MC721", problem, value)
    _check_element(aipp, name, value, type_.element)
    channels, is_planar = _channels(aipp, name, value, type_.dims)
    height, width = type_.dims[2:] if is_planar else type_.dims[1:3]
    source = _source(aipp, name, value, (height, width))
    filled = aipp.having(src_image_size_h=source[0], src_image_size_w=source[1])
    return Placement(filled, value, is_planar, channels, images_type(aipp, type_.dims[0], is_planar, source))


def _check_element(aipp: Aipp, name: str, value: Value, element: Element) -> None:
    if element.name not in _TAKEN:
        raise _MisfitError("MC721", f"input `{name}` takes {element.numpy}, images become float16 or uint8", value)
    if element.name == "u8" and aipp.normalizes:
        problem = f"input `{name}` takes uint8, which mean, min and var_reci would turn into float16"
        raise _MisfitError("MC721", problem, value, fix="leave out mean, min and var_reci")


def _channels(aipp: Aipp, name: str, value: Value, dims: tuple[int, ...]) -> tuple[int, bool]:
    possible = [CHANNELS[aipp.format]]
    if aipp.format == "XRGB8888_U8" and aipp.on("ax_swap_switch"):
        possible.append(3)  # what is no colour stands last then, and falls away
    if aipp.on("csc_switch") or aipp.format == "YUV420SP_U8":
        possible = [count for count in possible if count == 3]
    for is_planar, count in ((False, dims[3]), (True, dims[1])):
        if count in possible:
            return count, is_planar
    hint = "set ax_swap_switch, which drops the fourth channel" if aipp.format == "XRGB8888_U8" else ""
    given = " or ".join(map(str, possible)) or "no number that can be converted"
    raise _MisfitError(
        "MC721",
        f"{aipp.format} gives images of {given} channels, input `{name}` takes none such",
        value,
        ("input", str(value.type)),
        fix=hint,
    )


def _source(aipp: Aipp, name: str, value: Value, wanted: Size) -> Size:
    """Return the size of images; raises _MisfitError where it does not come out as the model's."""
    border = _border(aipp)
    source = aipp.pair("src_image_size_h", "src_image_size_w")
    if not all(source):
        if aipp.on("crop") or aipp.on("resize"):
            problem = f"images for `{name}` are cropped or resized, so their own size must be given"
            raise _MisfitError("MC721", problem, value, fix="give src_image_size_w and src_image_size_h")
        source = wanted[0] - border[0], wanted[1] - border[1]
    steps = [("image", source)]
    if aipp.on("crop"):
        start, size = aipp.pair("load_start_pos_h", "load_start_pos_w"), aipp.pair("crop_size_h", "crop_size_w")
        if any(at + extent > whole for at, extent, whole in zip(start, size, source, strict=True)):
            shown = f"{_shown(size)} from {_shown(start)} of {_shown(source)}"
            raise _MisfitError("MC721", f"images for `{name}` are smaller than what is cropped: {shown}", value)
        steps.append(("cropped", size))
    if aipp.on("resize"):
        steps.append(("resized", aipp.pair("resize_output_h", "resize_output_w")))
    height, width = steps[-1][1]
    steps.append(("with border", (height + border[0], width + border[1])))
    if steps[-1][1] != wanted or min(source) < 1:
        chain = ", ".join(f"{what} {_shown(size)}" for what, size in steps)
        problem = f"images for `{name}` come out as {_shown(steps[-1][1])}, the model takes {_shown(wanted)}"
        raise _MisfitError("MC721", problem, value, ("height x width", chain))
    if aipp.format == "YUV420SP_U8" and any(extent % 2 for extent in source):
        raise _MisfitError("MC721", f"YUV420SP_U8 needs images of even size, not {_shown(source)}", value)
    return source


def _border(aipp: Aipp) -> Size:
    if not aipp.on("padding"):
        return 0, 0
    rows = aipp.pair("top_padding_size", "bottom_padding_size")
    columns = aipp.pair("left_padding_size", "right_padding_size")
    return sum(rows), sum(columns)


def _shown(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def images_type(aipp: Aipp, batch: Dim, is_planar: bool, source: Size) -> TensorType:
    """Return the type of images of a format that is emulated here."""
    height, width = source
    if aipp.format == "YUV420SP_U8":
        return tensor(U8, batch, height * 3 // 2, width, 1)
    channels = CHANNELS[aipp.format]
    dims: tuple[Dim, ...] = (channels, height, width) if is_planar else (height, width, channels)
    return tensor(U8, batch, *dims)
