"""The `modelc` command: finds the subcommand and turns what happens into an exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import FrameType
from typing import Never

from modelc.cli.parser import Parser, UsageError
from modelc.version import __version__

# Everything beyond these lines is imported only for the command that is chosen, so that `--help` stays instant.
COMMANDS: dict[str, str] = {
    "compile": "compile a model into an artifact",
    "check": "report everything that stands against compiling a model; write nothing",
    "run": "execute a model or an artifact on the CPU",
    "verify": "prove that an artifact computes what its source computes",
    "inspect": "show what a model or an artifact holds",
    "analyze": "show what a model costs: parameters, arithmetic, memory traffic and activations",
    "diff": "show what differs between two models or artifacts",
    "opt": "run passes on a model and print the IR",
    "reduce": "shrink a model that fails to the smallest that fails in the same way",
    "bench": "time the passes on a model",
    "passes": "list the passes, or explain one",
    "ops": "list the ops of the canonical dialect, or explain one",
    "profiles": "list the rule profiles, or show one",
    "socs": "list the chips whose kernels are known, or the kernels of one",
    "explain": "explain a finding's code",
    "atc": "explain a command line of CANN's atc, and run what it comes to",
    "demo": "compile and verify the bundled trained model",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 fine, 1 findings, 2 usage, 3 internal error, 128 + a signal."""
    if arguments is None:
        signal.signal(signal.SIGTERM, _stop)
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # any name can be printed
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(words)
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        print("interrupted", file=sys.stderr)
        return 128 + next(iter(interrupt.args), signal.SIGINT)
    except BrokenPipeError:
        _silence()
        return 128 + signal.SIGPIPE
    return code


def _run(words: list[str]) -> int:
    chosen = next((word for word in words if not word.startswith("-")), "")
    try:
        options, unknown = _parser(chosen).parse_known_args(words)
        if unknown:
            options.parser.error(f"unknown arguments: {' '.join(unknown)}")
    except UsageError as error:
        from modelc.cli import failures

        return failures.report_usage(error, words)
    try:
        work: Callable[[argparse.Namespace], int] = import_module(f"modelc.cli.{chosen}").run
        return work(options)
    except (Exception, SystemExit) as error:
        from modelc.cli import failures

        return failures.report(error, options, words)


def _parser(chosen: str) -> argparse.ArgumentParser:
    """Return the parser, which knows the options of the chosen command only."""
    parser = Parser(
        prog="modelc",
        description="Compiles TensorFlow models for Huawei Ascend, reports every obstacle at once, "
        "and proves that the artifact computes what the source computes.",
        epilog="`modelc COMMAND --help` explains a command. Exit codes: 0 fine, 1 findings, 2 usage, 3 internal error.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"modelc {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help_ in COMMANDS.items():
        description = f"{help_[0].upper()}{help_[1:]}."
        subparser = commands.add_parser(name, help=help_, description=description, allow_abbrev=False)
        if name == chosen:
            import_module("modelc.cli.declarations").DECLARATIONS[name](subparser)
            subparser.set_defaults(parser=subparser)
    return parser


def _stop(number: int, frame: FrameType | None) -> Never:
    """Unwind, so that half-written files are removed."""
    raise KeyboardInterrupt(number)


def _silence() -> None:
    """Let nothing more be written to a reader that went away, as `head` does, not even at the end of the program."""
    void = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(void, stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
