"""The `modelc` command: finds the subcommand and turns what happens into an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from modelc.cli.exit_codes import FINE
from modelc.version import __version__

# name: (module, one line of help). Modules are imported only for their own command, so that `--help` stays instant.
COMMANDS: dict[str, str] = {
    "compile": "compile a model into an artifact",
    "check": "report everything that stands against compiling a model; write nothing",
    "run": "execute a model or an artifact on the CPU",
    "verify": "prove that an artifact computes what its source computes",
    "inspect": "show what a model or an artifact holds",
    "opt": "run passes on a model and print the IR",
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
    """Run the command line; returns the exit code: 0 fine, 1 findings, 2 usage, 3 internal error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="modelc",
        description="Compiles TensorFlow models for Huawei Ascend, reports every obstacle at once, "
        "and proves that the artifact computes what the source computes.",
        epilog="`modelc COMMAND --help` explains a command. Exit codes: 0 fine, 1 findings, 2 usage, 3 internal error.",
    )
    parser.add_argument("--version", action="version", version=f"modelc {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in words if not word.startswith("-")), "")
    for name, help_ in COMMANDS.items():
        subparser = commands.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
        if name == chosen:
            import_module(f"modelc.cli.{name}").configure(subparser)
    options = parser.parse_args(words)
    return _guarded(options)


def _guarded(options: argparse.Namespace) -> int:
    from modelc.cli.output import report_crash, report_error
    from modelc.diagnostics.diagnostic import ModelcError

    try:
        code: int = options.run(options)
    except ModelcError as error:
        return report_error(error, getattr(options, "format", "text"))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return FINE
    except Exception as error:  # our own fault: a report file instead of a traceback
        return report_crash(error, sys.argv)
    return code


if __name__ == "__main__":
    sys.exit(main())
