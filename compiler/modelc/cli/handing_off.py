"""The options of `modelc compile` that let CANN's atc build device kernels."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelc.atc.handoff import TIMEOUT, Handoff, Request, hand_off
from modelc.atc.options import options as atc_options
from modelc.atc.process import Watch
from modelc.diagnostics.diagnostic import Fix, fail
from modelc.driver import Compilation

_WIDTH = 60  # characters of atc's last line that are shown


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    group = parser.add_argument_group("device kernels, built by CANN's atc")
    group.add_argument("--atc", nargs="?", const="", metavar="PATH", help="hand the model to atc (found where it is)")
    group.add_argument("--soc-version", default="", metavar="NAME", help="the chip to build for, Ascend310P3")
    modes = atc_options()["precision_mode"].values
    group.add_argument("--precision-mode", choices=modes, metavar="MODE", help=f"{', '.join(modes)}")
    group.add_argument(
        "--atc-option", action="append", default=[], metavar="NAME=VALUE", help="a further option, as atc spells it"
    )
    group.add_argument(
        "--atc-timeout", type=float, default=TIMEOUT, metavar="SECONDS", help=f"stop atc after that ({TIMEOUT:g})"
    )


def request(options: argparse.Namespace) -> Request | None:
    """Return what atc is asked for, None when it is not.

    Raises:
        ModelcError: Options contradict each other, or atc would refuse them at once.
    """
    further = dict(map(_pair, options.atc_option))
    if options.precision_mode:
        further = {"precision_mode": options.precision_mode, **further}
    if options.atc is None:
        if options.soc_version or further:
            raise fail("MC712", "options for atc are given, but not `--atc`", fixes=[Fix("add", "--atc")])
        return None
    if options.target not in ("om", "air"):
        fix = Fix(f"leave out `--target {options.target}`")
        raise fail("MC712", f"`--atc` makes a device `.om`, not a target `{options.target}`", fixes=[fix])
    if getattr(options, "insert_op_conf", None):
        further["insert_op_conf"] = str(options.insert_op_conf)
    asked = Request(options.soc_version, options.atc, further, options.atc_timeout)
    asked.check()
    return asked


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.lstrip("-").partition("=")
    if not equals:
        raise fail("MC711", f"`--atc-option {text}` lacks its value", fixes=[Fix("write", "--atc-option NAME=VALUE")])
    return name, value


def run(compilation: Compilation, output: Path, asked: Request) -> Handoff:
    """Hand a compiled model to atc; the compilation takes over findings and artifact."""
    artifact = compilation.artifact
    assert artifact is not None
    with _progress() as watch:
        handed = hand_off(artifact.path, output, asked, watch)
    compilation.findings += handed.findings
    if handed.artifact is not None:
        compilation.artifact = handed.artifact
    if handed.ended is not None:
        compilation.seconds += handed.ended.seconds
    return handed


@contextmanager
def _progress() -> Iterator[Watch | None]:
    """Show on a terminal how long atc runs, and what it says."""
    if not sys.stderr.isatty():
        yield None
        return

    def show(seconds: float, line: str) -> None:
        print(f"\r\x1b[K[atc] {seconds:.0f} s  {line[:_WIDTH]}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
