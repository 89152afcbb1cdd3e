"""The options of every subcommand. What a command does is in its own module, which is imported only to do it."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from modelc.cli import arguments
from modelc.cli.arguments import count, counts, path, seed, word
from modelc.plugins import entry_table
from modelc.profiles import DEFAULT

STYLES = ("text", "concise", "json", "sarif", "github", "html")
TENSOR_SORTS = ("divergence", "size")
ATC_USAGE = "modelc atc [--dry-run] [--atc[=PATH]] [--format text|json] ATC-OPTION..."
_ATC_ABOUT = """\
Everything behind `modelc atc` is the command line of atc as it stands, as words or as one quoted text. Each option is
explained, rules across options are checked, and the equivalent command of modelc is run.

options of modelc itself:
  --dry-run             only explain, and print the equivalent command
  --atc[=PATH]          let CANN's atc build device kernels (found in PATH and ASCEND_TOOLKIT_HOME)
  --format text|json    what to print (text)
"""


def _compile(parser: argparse.ArgumentParser) -> None:
    targets = ", ".join(sorted(entry_table("modelc.backends")))
    arguments.add_source(parser)
    parser.add_argument("-o", "--output", type=path, metavar="OUT", help="the artifact (named after the source, here)")
    parser.add_argument("--target", type=word, default="om", metavar="NAME", help=f"{targets} (om)")
    arguments.add_compilation(parser)
    group = parser.add_argument_group("how to write")
    group.add_argument("--external-weights", action="store_true", help="put big constants into files beside OUT")
    help_ = "describe inputs and outputs, and where each op came from, in a file"
    group.add_argument("--io-contract", type=path, metavar="FILE.json", help=help_)
    arguments.add_handing_off(parser)
    group = parser.add_argument_group("what to report")
    group.add_argument("--verify", action="store_true", help="then compare the artifact with its source by numbers")
    arguments.add_replay(group)
    arguments.add_engine(group)
    group.add_argument("--report", type=path, metavar="FILE", help="write findings to a .json, .sarif or .html file")
    arguments.add_format(group)


def _check(parser: argparse.ArgumentParser) -> None:
    arguments.add_source(parser)
    parser.add_argument("--target", type=word, default="om", metavar="NAME", help="what it would be compiled to (om)")
    arguments.add_compilation(parser)
    arguments.add_format(parser, STYLES)


def _run(parser: argparse.ArgumentParser) -> None:
    arguments.add_source(parser, "model", arguments.READABLE)
    parser.add_argument("-o", "--output", type=path, metavar="OUT.npz", help="where the outputs go (not kept)")
    _add_inputs(parser)
    arguments.add_engine(parser)
    arguments.add_loading(parser)
    arguments.add_shapes(parser)
    arguments.add_preprocessing(parser)
    arguments.add_precision(parser)
    arguments.add_format(parser)


def _verify(parser: argparse.ArgumentParser) -> None:
    arguments.add_source(parser, "source", arguments.READABLE)
    parser.add_argument("artifact", type=path, metavar="ARTIFACT", help="the .om, .air, .mir or .onnx compiled from it")
    _add_inputs(parser)
    parser.add_argument("--seeds", type=count, default=1, metavar="N", help="how many seeds, counting up (1)")
    parser.add_argument("--input-range", default="", metavar="SPEC", help='of generated inputs, "x:0,1;ids:0,30521"')
    group = parser.add_argument_group("how to execute")
    arguments.add_engine(group)
    help_ = "executes the source: tensorflow, modelc (its own framework, modelc where that is not installed)"
    group.add_argument("--oracle", default="", metavar="NAME", help=help_)
    group.add_argument("--timeout", type=count, default=1800, metavar="SECONDS", help="for the source (1800)")
    group = parser.add_argument_group("how to compare")
    help_ = "largest relative difference of an element type that is equal, float32=1e-3"
    group.add_argument("--tolerance", action="append", default=[], metavar="DTYPE=NUMBER", help=help_)
    group.add_argument("--per-op", action="store_true", help="compare also the tensors inside, op by op")
    help_ = f"order of these tensors ({TENSOR_SORTS[0]})"
    group.add_argument("--sort", choices=TENSOR_SORTS, default=TENSOR_SORTS[0], help=help_)
    group.add_argument("--all", action="store_true", help="list all of these tensors (the first 20)")
    arguments.add_precision(parser)
    arguments.add_loading(parser)
    parser.add_argument("--report", type=path, metavar="FILE", help="write it to a .json, .sarif or .html file too")
    arguments.add_format(parser, ("text", "json", "html"))


def _inspect(parser: argparse.ArgumentParser) -> None:
    arguments.add_source(parser, "file", arguments.READABLE)
    parser.add_argument("--check", action="store_true", help="see whether the file is sound, as its loader would")
    arguments.add_loading(parser)
    arguments.add_format(parser, ("text", "json", "mir"))


def _analyze(parser: argparse.ArgumentParser) -> None:
    from modelc.analysis.report import ORDER, SORTS

    arguments.add_source(parser, "model")
    group = parser.add_argument_group("for which shapes; with several, what is compared")
    help_ = "extents of unknown first dimensions, 1,8"
    group.add_argument("--batch-size", dest="batch_sizes", type=counts, default=[], metavar="N,...", help=help_)
    help_ = 'shapes of inputs, "x:1,224,224,3;n:8"; may be given several times'
    group.add_argument("--input-shape", dest="input_shapes", action="append", default=[], metavar="SPEC", help=help_)
    group = parser.add_argument_group("what to show")
    group.add_argument("--per-op", action="store_true", help="list the ops too, and in JSON the places of buffers")
    names = ", ".join((ORDER, *SORTS))
    help_ = f"how to sort them: {names} ({ORDER})"
    group.add_argument("--sort", choices=(ORDER, *SORTS), default=ORDER, metavar="KEY", help=help_)
    group.add_argument("--all", action="store_true", help="list all of them (the first 20)")
    arguments.add_loading(parser)
    arguments.add_preprocessing(parser)
    arguments.add_format(parser)


def _diff(parser: argparse.ArgumentParser) -> None:
    arguments.add_source(parser, "a", arguments.READABLE)
    arguments.add_source(parser, "b", arguments.READABLE)
    arguments.add_loading(parser)
    parser.add_argument("--all", action="store_true", help="show all of them (the first 20 of each group)")
    arguments.add_format(parser)


def _opt(parser: argparse.ArgumentParser) -> None:
    arguments.add_source(parser, "model", arguments.READABLE)
    parser.add_argument("-o", "--output", type=path, metavar="OUT.mir", help="where the IR goes (standard output)")
    parser.add_argument("--print-after-all", action="store_true", help="print the IR after every pass")
    arguments.add_replay(parser)
    _add_inputs(parser)
    arguments.add_compilation(parser)


def _reduce(parser: argparse.ArgumentParser) -> None:
    arguments.add_source(parser, "model")
    help_ = "the smallest model (MODEL.reduced.mir, here)"
    parser.add_argument("-o", "--output", type=path, metavar="OUT.mir", help=help_)
    group = parser.add_argument_group(
        "what to reduce for (what the passes do wrong: other numbers, a crash, a bad graph)"
    )
    group.add_argument("--code", default="", metavar="MCnnn", help="a finding of this code")
    help_ = "what a command says: it gets the file, and ends with 0 where that still shows the fault"
    group.add_argument("--test", default="", metavar="COMMAND", help=help_)
    group = parser.add_argument_group("how long to try")
    group.add_argument("--timeout", type=count, default=600, metavar="SECONDS", help="stop after that (600)")
    group.add_argument("--max-steps", type=count, default=10_000, metavar="N", help="stop after N candidates (10000)")
    group.add_argument("--log", action="store_true", help="print what each stage took away, on standard error")
    _add_inputs(parser)
    arguments.add_loading(parser)
    group = parser.add_argument_group("passes")
    arguments.add_plugin(group)
    group.add_argument("--passes", default="", metavar="SPEC", help="the passes that fail (those of --target)")
    group.add_argument("--target", type=word, default="om", metavar="NAME", help="whose pipeline to run (om)")
    group.add_argument("--profile", default=DEFAULT, metavar="NAME", help=f"rules to enforce ({DEFAULT})")
    group.add_argument("--soc", default="", metavar="NAME", help="chip whose kernels must do (not asked)")
    arguments.add_shapes(group)
    arguments.add_format(parser)


def _bench(parser: argparse.ArgumentParser) -> None:
    arguments.add_source(parser, "model")
    parser.add_argument("--repeat", type=count, default=5, metavar="N", help="how often everything runs (5)")
    parser.add_argument("--target", type=word, default="om", metavar="NAME", help="whose pipeline to run (om)")
    arguments.add_compilation(parser)
    arguments.add_format(parser)


def _passes(parser: argparse.ArgumentParser) -> None:
    _add_name(parser, "the pass to explain (list all)")
    arguments.add_plugin(parser)
    arguments.add_format(parser)


def _ops(parser: argparse.ArgumentParser) -> None:
    _add_name(parser, "the op to explain (list all with meaning)")
    parser.add_argument("--all", action="store_true", help="list also prototypes that are only written, not executed")
    arguments.add_format(parser, ("text", "json", "markdown"))


def _profiles(parser: argparse.ArgumentParser) -> None:
    _add_name(parser, "the profile to show (list all)")
    arguments.add_format(parser)


def _socs(parser: argparse.ArgumentParser) -> None:
    _add_name(parser, "the chip to show, Ascend310P3 (list all)")
    arguments.add_kernels(parser)
    arguments.add_format(parser)


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", default="", metavar="CODE", help="MC203 or input-rank (list all)")
    arguments.add_format(parser)


def _atc(parser: argparse.ArgumentParser) -> None:
    """Declare that every word is taken, for they are those of another program."""
    parser.usage = ATC_USAGE
    parser.epilog = _ATC_ABOUT
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.prefix_chars = "\0"  # no word is an option of this parser
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.set_defaults(format="text", print_help=parser.print_help)


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=path, metavar="OUT.om", help="the artifact (digits.om)")


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--inputs", type=path, metavar="IN.npz", help="arrays by input name (generated)")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of generated inputs (0)")


def _add_name(parser: argparse.ArgumentParser, help_: str) -> None:
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help=help_)


DECLARATIONS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "compile": _compile,
    "check": _check,
    "run": _run,
    "verify": _verify,
    "inspect": _inspect,
    "diff": _diff,
    "analyze": _analyze,
    "opt": _opt,
    "reduce": _reduce,
    "bench": _bench,
    "passes": _passes,
    "ops": _ops,
    "profiles": _profiles,
    "socs": _socs,
    "explain": _explain,
    "atc": _atc,
    "demo": _demo,
}
