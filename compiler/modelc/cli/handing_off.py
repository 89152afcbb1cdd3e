"""The options of `modelc compile` that let CANN's atc build device kernels."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from modelc.aipp.config import read_config
from modelc.aipp.fit import fit
from modelc.atc.handoff import TARGET, TIMEOUT, Handoff, Request, hand_off
from modelc.atc.process import Watch
from modelc.diagnostics.diagnostic import Fix, ModelcError, fail
from modelc.driver import Compilation, Settings

_WIDTH = 60  # characters of atc's last line that are shown


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
    asked = Request(options.soc_version, options.atc, further, options.atc_timeout or TIMEOUT)
    asked.check()
    return asked


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.lstrip("-").partition("=")
    if not equals:
        raise fail("MC711", f"`--atc-option {text}` lacks its value", fixes=[Fix("write", "--atc-option NAME=VALUE")])
    return name, value


def settings(given: Settings) -> Settings:
    """Return the settings for what atc is given; images are preprocessed as atc itself puts it into the graph."""
    return replace(given, target=TARGET, insert_op_conf=None)


def run(compilation: Compilation, output: Path, asked: Request) -> Handoff | None:
    """Hand a compiled model to atc; the compilation takes over findings and artifact.

    Nothing is handed over where preprocessing does not fit the model.
    """
    artifact, model = compilation.artifact, compilation.model
    assert artifact is not None
    assert model is not None
    config = asked.options.get("insert_op_conf")
    try:
        fit(read_config(Path(config)) if config else (), model.graph, on_device=True)
    except ModelcError as error:
        compilation.findings += error.diagnostics
        return None
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
