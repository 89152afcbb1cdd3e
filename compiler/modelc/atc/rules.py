"""Which options of atc exclude or need each other, and which values fit together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from modelc.aipp.config import STATIC, Aipp, read_config
from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, finding

Given: TypeAlias = Mapping[str, str]

FRAMEWORKS: Final = {"0": "Caffe", "1": ".air", "3": "TensorFlow", "5": "ONNX"}
PROFILES: Final = ("dynamic_batch_size", "dynamic_image_size", "dynamic_dims")
MOST_PROFILES: Final = 100

_FORMATS: Final = {
    "0": ("NCHW", "ND"),
    "1": ("ND", "NCHW", "NHWC", "CHWN", "NC1HWC0", "NHWC1C0"),
    "3": ("NCHW", "NHWC", "ND", "NCDHW", "NDHWC"),
    "5": ("NCHW", "NCDHW", "ND"),
}
_FIXED_SIZES: Final = ("crop", "padding", "src_image_size_w", "src_image_size_h")
_EXCLUDE: Final = (
    *((a, b) for i, a in enumerate(PROFILES) for b in PROFILES[i + 1 :]),
    ("precision_mode", "precision_mode_v2"),
    ("insert_op_conf", "dynamic_dims"),
)
_NEED: Final = (
    ("is_input_adjust_hw_layout", "input_fp16_nodes"),
    ("is_output_adjust_hw_layout", "out_nodes"),
    ("dynamic_batch_size", "input_shape"),
    ("dynamic_image_size", "input_shape"),
    ("dynamic_dims", "input_shape"),
)
_MODES_NEED: Final = {
    "0": (("model",),),
    "1": (("om", "model"), ("json",)),
    "3": (("model",),),
    "6": (("om",),),
}


def conflicts(given: Given) -> list[Diagnostic]:
    """Return a finding for every rule across options that a command line breaks."""
    return [problem for rule in _RULES for problem in rule(given)]


def _conflict(problem: str, help_: str, code: str = "") -> Diagnostic:
    evidence = [("atc's own code", code)] if code else []
    return finding("MC712", problem, evidence=evidence, fixes=[Fix(help_)])


def _exclusive(given: Given) -> Iterator[Diagnostic]:
    for first, second in _EXCLUDE:
        if first in given and second in given:
            yield _conflict(f"`--{first}` and `--{second}` exclude each other", "leave one of them out")


def _needed(given: Given) -> Iterator[Diagnostic]:
    for name, other in _NEED:
        if name in given and other not in given:
            yield _conflict(f"`--{name}` needs `--{other}`", f"give `--{other}`")
    if given.get("framework") == "0" and "weight" not in given:
        yield _conflict("a Caffe network needs `--weight`", "give the .caffemodel as `--weight`")
    for choice in _MODES_NEED.get(given.get("mode", "0"), ()):
        if not any(given.get(name) for name in choice):
            names = " or ".join(f"`--{name}`" for name in choice)
            yield _conflict(
                f"`--mode={given.get('mode', '0')}` needs {names}",
                f"give {names}; a shell ends a command at a `;` outside of quotes, and drops what stands behind it",
            )


def _counts(given: Given) -> Iterator[Diagnostic]:
    """One value of true or false for every named node."""
    for name, other in _NEED[:2]:
        nodes = [node for node in given.get(other, "").split(";") if node]
        flags = [flag for flag in given.get(name, "").split(",") if flag]
        if name in given and other in given and len(nodes) != len(flags):
            yield _conflict(
                f"`--{name}` has {len(flags)} values for the {len(nodes)} nodes of `--{other}`",
                "give one value, true or false, for each node",
            )


def _formats(given: Given) -> Iterator[Diagnostic]:
    layout, framework = given.get("input_format", ""), given.get("framework", "")
    allowed = _FORMATS.get(framework, ())
    if layout and allowed and layout not in allowed:
        yield _conflict(
            f"`--input_format={layout}` does not go with {FRAMEWORKS[framework]}", f"choose one of {', '.join(allowed)}"
        )


# -- several shapes in one artifact


def open_places(shapes: str) -> list[list[int]]:
    """Return for each entry of `--input_shape` the positions of its dimensions that are -1."""
    dims = [entry.rpartition(":")[2].split(",") for entry in shapes.split(";") if entry.strip()]
    return [[place for place, dim in enumerate(each) if dim.strip() == "-1"] for each in dims]


def profiles(name: str, value: str) -> list[tuple[str, ...]]:
    """Return the profiles that one of the options in PROFILES lists, each as the numbers it has for open dimensions."""
    separator = "," if name == "dynamic_batch_size" else ";"
    listed = [entry.strip() for entry in value.split(separator) if entry.strip()]
    return [tuple(number.strip() for number in entry.split(",")) for entry in listed]


def _profile_counts(given: Given) -> Iterator[Diagnostic]:
    for name in PROFILES:
        if name not in given:
            continue
        count = len(profiles(name, given[name]))
        if count < 2:
            problem = f"`--{name}` lists {count} profile{'' if count == 1 else 's'}, atc takes 2 to {MOST_PROFILES}"
            yield _conflict(problem, "use a fixed shape: put the numbers into `--input_shape`", "E10035")
        elif count > MOST_PROFILES:
            yield _conflict(f"`--{name}` lists {count} profiles, atc takes at most {MOST_PROFILES}", "list fewer")


def _profile_places(given: Given) -> Iterator[Diagnostic]:
    places = open_places(given.get("input_shape", ""))
    layout = given.get("input_format", "")
    sides = [2, 3] if layout == "NCHW" else [1, 2]
    if "dynamic_batch_size" in given and any(each not in ([], [0]) for each in places):
        yield _conflict(
            "with `--dynamic_batch_size` only the first dimension of an input may be -1",
            "use `--dynamic_dims` with `--input_format=ND`",
            "E10018",
        )
    if "dynamic_image_size" in given and layout in ("NCHW", "NHWC") and any(each not in ([], sides) for each in places):
        yield _conflict(
            f"with `--dynamic_image_size` and {layout} only height and width of an input may be -1",
            "use `--dynamic_dims` with `--input_format=ND`",
            "E10019",
        )
    if "dynamic_image_size" in given and layout not in ("NCHW", "NHWC"):
        yield _conflict("`--dynamic_image_size` needs `--input_format` NCHW or NHWC", "give the layout")
    if "dynamic_dims" in given and layout != "ND":
        yield _conflict("`--dynamic_dims` needs `--input_format=ND`", "give `--input_format=ND`")


def _profile_widths(given: Given) -> Iterator[Diagnostic]:
    """Each entry of dynamic_dims has one number for each -1."""
    wanted = sum(map(len, open_places(given.get("input_shape", ""))))
    wrong = [each for each in profiles("dynamic_dims", given.get("dynamic_dims", "")) if len(each) != wanted]
    if "input_shape" in given and wrong:
        problem = f"`--dynamic_dims` has a profile `{','.join(wrong[0])}`, `--input_shape` has {wanted} open dimensions"
        yield _conflict(problem, "give as many numbers in each profile as `--input_shape` has -1")


def _ranges(given: Given) -> Iterator[Diagnostic]:
    shapes = [name for name in ("input_shape", "input_shape_range") if "~" in given.get(name, "")]
    for name in PROFILES:
        if name in given and shapes:
            yield _conflict(
                f"`--{name}` and a range in `--{shapes[0]}` exclude each other", "put -1 in place of the range"
            )


# -- preprocessing of images


def _preprocessing(given: Given) -> Iterator[Diagnostic]:
    if "insert_op_conf" not in given:
        return
    try:
        configs = read_config(Path(given["insert_op_conf"]))
    except ModelcError as error:
        yield from error.diagnostics
        return
    for aipp in configs:
        yield from _preprocessed(aipp, given)


def _preprocessed(aipp: Aipp, given: Given) -> Iterator[Diagnostic]:
    shapes = _shapes(given)
    name = _input(aipp, list(shapes))
    if name and name in given.get("input_fp16_nodes", "").split(";"):
        problem = f"input `{name}` cannot both be preprocessed and be one of `--input_fp16_nodes`"
        yield _conflict(problem, "leave it out of one of the two")
    if aipp.mode != STATIC:
        return
    if "~" in shapes.get(name, ""):
        problem = f"input `{name}` has static preprocessing, which excludes a range in its shape"
        yield _conflict(problem, "give numbers, or make the preprocessing dynamic")
    fixed = [each for each in _FIXED_SIZES if aipp.given.get(each)]
    if "dynamic_image_size" in given and fixed:
        yield _conflict(
            f"with `--dynamic_image_size` static preprocessing cannot set `{fixed[0]}`",
            "leave out crop, padding and the size of the source image",
        )


def _shapes(given: Given) -> dict[str, str]:
    entries = (entry.rpartition(":") for entry in given.get("input_shape", "").split(";") if entry.strip())
    return {name.strip(): dims for name, _, dims in entries}


def _input(aipp: Aipp, names: Sequence[str]) -> str:
    """Return the input that a preprocessing is for, empty where the command line does not tell."""
    rank = aipp.integer("related_input_rank")
    return str(aipp.given.get("related_input_name", "")) or (names[rank] if rank < len(names) else "")


_RULES: Final[tuple[Callable[[Given], Iterator[Diagnostic]], ...]] = (
    _exclusive,
    _needed,
    _counts,
    _formats,
    _profile_counts,
    _profile_places,
    _profile_widths,
    _ranges,
    _preprocessing,
)
