"""Options that several subcommands share, and what their values may be."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from modelc.atc.options import options as atc_options
from modelc.plugins import entry_table
from modelc.precision.modes import modes
from modelc.profiles import DEFAULT

SOURCES = "SavedModel folder, .pb, .pbtxt, .om, .air or .mir"
READABLE = "SavedModel folder, .pb, .pbtxt, .om, .air, .mir or .onnx"


def add_source(parser: argparse.ArgumentParser, name: str = "source", kinds: str = SOURCES) -> None:
    """Add the positional argument for a model of one of `kinds`."""
    parser.add_argument(name, type=path, metavar=name.upper(), help=kinds)


def add_loading(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what to read from a source."""
    group = parser.add_argument_group("what to read")
    group.add_argument("--signature", default="", metavar="KEY", help="signature of a SavedModel (serving_default)")
    group.add_argument("--tag", action="append", default=[], metavar="TAG", help="tag of the meta graph (serve)")
    group.add_argument("--out-nodes", default="", metavar="SPEC", help='outputs, "node:0;other:1" (the model\'s own)')


def add_compilation(parser: argparse.ArgumentParser) -> None:
    """Add the options of everything that runs the whole pipeline."""
    add_loading(parser)
    group = parser.add_argument_group("what to compile for")
    add_shapes(group)
    group.add_argument("--profile", default=DEFAULT, metavar="NAME", help=f"rules to enforce ({DEFAULT})")
    group.add_argument("--soc", default="", metavar="NAME", help="chip whose kernels must do, ascend310p (not asked)")
    add_kernels(group)
    add_preprocessing(group)
    group.add_argument("--no-fix", action="store_true", help="leave out the repairs")
    add_passes(parser)


def add_shapes(group: argparse._ActionsContainer) -> None:
    """Add the options that settle the shapes of inputs."""
    group.add_argument("--input-shape", default="", metavar="SPEC", help='shapes of inputs, "x:1,224,224,3;n:8"')
    group.add_argument("--batch-size", type=count, default=0, metavar="N", help="extent of unknown first dimensions")


def add_kernels(group: argparse._ActionsContainer) -> None:
    """Add the option for a table of kernels."""
    group.add_argument("--kernels", type=path, metavar="FILE.json", help="kernels of another version of CANN")


def add_preprocessing(group: argparse._ActionsContainer) -> None:
    """Add the option for a description of image preprocessing."""
    help_ = "preprocessing of images (AIPP), as atc takes it"
    group.add_argument("--insert-op-conf", type=path, metavar="FILE.cfg", help=help_)


def add_passes(parser: argparse.ArgumentParser) -> None:
    """Add the options about passes."""
    group = parser.add_argument_group("passes")
    add_plugin(group)
    group.add_argument("--passes", default="", metavar="SPEC", help="run these passes, not the target's own")
    group.add_argument("--verify-each", action="store_true", help="verify the whole model after every pass")
    group.add_argument("--dump-ir", type=path, metavar="DIR", help="write the IR after every pass into a folder")
    group.add_argument("--timing", action="store_true", help="print what each pass cost, on standard error")


def add_replay(group: argparse._ActionsContainer) -> None:
    """Add the option that executes the model after every pass."""
    help_ = "execute the model after every pass, and name the first that changes its numbers"
    group.add_argument("--verify-passes", action="store_true", help=help_)


def add_plugin(group: argparse._ActionsContainer) -> None:
    """Add the option for plugin files."""
    help_ = "load a plugin file, which may offer passes, ops, readers and targets"
    group.add_argument("--plugin", action="append", default=[], type=path, metavar="FILE.py", help=help_)


def add_handing_off(parser: argparse.ArgumentParser) -> None:
    """Add the options that let CANN's atc build device kernels."""
    group = parser.add_argument_group("device kernels, built by CANN's atc")
    group.add_argument("--atc", nargs="?", const="", metavar="PATH", help="hand the model to atc (found where it is)")
    group.add_argument("--soc-version", default="", metavar="NAME", help="the chip to build for, Ascend310P3")
    modes = atc_options()["precision_mode"].values
    group.add_argument("--precision-mode", choices=modes, metavar="MODE", help=f"{', '.join(modes)}")
    group.add_argument(
        "--atc-option", action="append", default=[], metavar="NAME=VALUE", help="a further option, as atc spells it"
    )
    group.add_argument("--atc-timeout", type=count, default=0, metavar="SECONDS", help="stop atc after that (4 hours)")


def add_engine(group: argparse._ActionsContainer) -> None:
    """Add the option for what executes models."""
    names = ", ".join(sorted(entry_table("modelc.engines")))
    group.add_argument("--engine", default="", metavar="NAME", help=f"executes it: {names} (the fastest that takes it)")


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Add the options about lower precision."""
    group = parser.add_argument_group("lower precision, emulated")
    names = ", ".join(modes())
    help_ = f"round as a chip does in a precision mode of atc: {names}"
    group.add_argument("--precision", default="", metavar="MODE", help=help_)
    help_ = "ops that stay in float32, as atc's --keep_dtype takes them"
    group.add_argument("--keep-dtype", type=path, metavar="FILE", help=help_)
    help_ = "search which ops must stay in float32, and write them"
    group.add_argument("--keep-dtype-list", type=path, metavar="FILE", help=help_)
    help_ = "changes to the lists of mixed precision, as atc takes them"
    group.add_argument("--modify-mixlist", type=path, metavar="FILE.json", help=help_)
    group.add_argument("--soc", default="", metavar="NAME", help="chip whose kernels and lists count (any)")
    add_kernels(group)


def add_format(group: argparse._ActionsContainer, styles: Sequence[str] = ("text", "json")) -> None:
    """Add the option for what is printed."""
    group.add_argument("--format", choices=styles, default=styles[0], help=f"what to print ({styles[0]})")


# -- values


def path(text: str) -> Path:
    """Return the path that `text` names."""
    return Path(word(text))


def word(text: str) -> str:
    """Return `text`, which is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def count(text: str) -> int:
    """Return the number that `text` spells, which is above zero."""
    return _number(text, 1, "a whole number above zero")


def counts(text: str) -> list[int]:
    """Return the numbers that `text` spells, between commas, each above zero."""
    return [count(part.strip()) for part in text.split(",")]


def seed(text: str) -> int:
    """Return the number that `text` spells, which is not negative."""
    return _number(text, 0, "a whole number")


def _number(text: str, least: int, what: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < least:
        raise argparse.ArgumentTypeError(f"`{text}` is not {what}")
    return int(text)
