"""The options about lower precision, and what they say."""

from __future__ import annotations

import argparse
import sys

from modelc.diagnostics.diagnostic import Fix, fail
from modelc.diagnostics.renderers.words import safe
from modelc.driver import check_output
from modelc.execute.numpy_engine import ENGINE
from modelc.precision.assess import Assessment, Request
from modelc.precision.keep_list import write_keep_list

# Options that only say something about a precision mode
_OF_A_MODE = ("keep_dtype", "keep_dtype_list", "modify_mixlist", "soc", "kernels")


def request(options: argparse.Namespace) -> Request | None:
    """Return what to emulate, None where nothing is.

    Raises:
        ModelcError: Options contradict each other, or the list cannot be written.
    """
    if not options.precision:
        given = [name for name in _OF_A_MODE if getattr(options, name)]
        if given:
            flag = f"--{given[0].replace('_', '-')}"
            fixes = [Fix("name the mode", "--precision force_fp16")]
            raise fail("MC414", f"`{flag}` says nothing without a precision mode", fixes=fixes)
        return None
    if options.engine not in ("", ENGINE.name):
        text = f"the engine {options.engine} cannot emulate lower precision, only {ENGINE.name} can"
        raise fail("MC414", text, fixes=[Fix(f"use {ENGINE.name}", f"--engine {ENGINE.name}"), Fix("leave it out")])
    if getattr(options, "per_op", False):
        text = "`--per-op` compares what an engine computes; of lower precision the report names the ops itself"
        raise fail("MC414", text, fixes=[Fix("leave out --per-op")])
    if options.keep_dtype_list:
        source = options.model if options.command == "run" else options.artifact
        check_output(source, options.keep_dtype_list, options.keep_dtype_list.suffix)
    return Request(options.precision, options.keep_dtype, options.soc, options.kernels, options.modify_mixlist)


def write_found(options: argparse.Namespace, assessment: Assessment) -> None:
    """Write what to keep, where that was asked for and found; what was asked to be kept stays in the list."""
    if not options.keep_dtype_list:
        return
    if assessment.search is not None and not assessment.search.found:
        name = safe(str(options.keep_dtype_list))
        print(f"note: `{name}` was not written, for no ops to keep were found", file=sys.stderr)
        return
    setting = assessment.setting
    kept = setting.plan.kept.union(assessment.kept)
    ordered = [op for nested in setting.graph.walk() for op in nested if op in kept]
    write_keep_list(options.keep_dtype_list, ordered)
