"""Options that several subcommands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from modelc.driver import Settings
from modelc.profiles import DEFAULT


def add_source(parser: argparse.ArgumentParser, name: str = "source") -> None:
    """Add the positional argument for a model."""
    parser.add_argument(name, type=Path, metavar=name.upper(), help="SavedModel folder, .pb, .pbtxt, .om, .air or .mir")


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
    group.add_argument("--input-shape", default="", metavar="SPEC", help='shapes of inputs, "x:1,224,224,3;n:8"')
    group.add_argument(
        "--batch-size", type=_positive, default=0, metavar="N", help="extent of unknown first dimensions"
    )
    group.add_argument("--profile", default=DEFAULT, metavar="NAME", help=f"rules to enforce ({DEFAULT})")
    group.add_argument("--soc", default="", metavar="NAME", help="chip whose kernels must do, ascend310p (not asked)")
    group.add_argument("--kernels", type=Path, metavar="FILE.json", help="kernels of another version of CANN")
    group.add_argument("--no-fix", action="store_true", help="leave out the repairs")
    add_passes(parser)


def add_passes(parser: argparse.ArgumentParser) -> None:
    """Add the options about passes."""
    group = parser.add_argument_group("passes")
    group.add_argument("--plugin", action="append", default=[], type=Path, metavar="FILE.py", help="load a plugin file")
    group.add_argument("--passes", default="", metavar="SPEC", help="run these passes, not the target's own")
    group.add_argument("--verify-each", action="store_true", help="verify the whole model after every pass")
    group.add_argument("--dump-ir", type=Path, metavar="DIR", help="write the IR after every pass into a folder")
    group.add_argument("--timing", action="store_true", help="print what each pass cost")


def settings(options: argparse.Namespace) -> Settings:
    """Return the settings that parsed options stand for."""
    return Settings(
        target=getattr(options, "target", "om"),
        input_shape=getattr(options, "input_shape", ""),
        batch_size=getattr(options, "batch_size", 0),
        signature=options.signature,
        tags=tuple(options.tag),
        out_nodes=options.out_nodes,
        profile=getattr(options, "profile", DEFAULT),
        soc=getattr(options, "soc", ""),
        kernels=getattr(options, "kernels", None),
        fix=not getattr(options, "no_fix", False),
        passes=options.passes,
        plugins=tuple(options.plugin),
        verify_each=options.verify_each,
        external_weights=getattr(options, "external_weights", False),
    )


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number above zero")
    return number
