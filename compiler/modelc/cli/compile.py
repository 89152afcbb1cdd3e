"""`modelc compile`: source to artifact."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from modelc.atc.handoff import TARGET
from modelc.backend import BACKENDS
from modelc.cli import arguments, handing_off
from modelc.cli.output import (
    close,
    emit_json,
    exit_code,
    format_bytes,
    instruments,
    print_findings,
    timing_table,
    write_report,
)
from modelc.driver import Compilation, compile_model
from modelc.execute.verification import Verification, verify
from modelc.reports import compilation_document, format_type, model_document


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_source(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="the artifact (the source's name beside you)")
    parser.add_argument("--target", default="om", metavar="NAME", help=f"{', '.join(BACKENDS.names())} (om)")
    arguments.add_compilation(parser)
    group = parser.add_argument_group("how to write")
    group.add_argument("--external-weights", action="store_true", help="put big constants into files beside OUT")
    handing_off.configure(parser)
    group = parser.add_argument_group("what to report")
    group.add_argument("--verify", action="store_true", help="then compare the artifact with its source by numbers")
    group.add_argument("--report", type=Path, metavar="FILE", help="write findings to a .json, .sarif or .html file")
    group.add_argument("--format", choices=("text", "json"), default="text", help="what to print (text)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compile; returns the exit code."""
    settings = arguments.settings(options)
    asked = handing_off.request(options)
    output = options.output or default_output(options.source, ".om" if asked else BACKENDS.get(settings.target).suffix)
    written = output
    if asked:
        settings, written = replace(settings, target=TARGET), output.with_suffix(f".{TARGET}")
        output = output.with_suffix(".om")
    watching = instruments(options)
    compilation = compile_model(options.source, written, settings, watching)
    close(watching)
    verification = _verify(compilation) if options.verify and compilation.artifact else None
    is_sound = compilation.artifact is not None and (verification is None or verification.equal)
    handed = handing_off.run(compilation, output, asked) if asked and is_sound else None
    document = compilation_document(compilation, verification)
    if handed is not None:
        document["handoff"] = handed.document()
    report = options.report or (output.with_suffix(".report.json") if asked else None)
    if report:
        write_report(compilation, document, report)
    if options.format == "json":
        emit_json(document)
    else:
        _print(compilation, options)
        if verification is not None:
            print(verification.text())
    return exit_code(compilation, verification)


def default_output(source: Path, suffix: str) -> Path:
    """Return the artifact's path when none is named: the source's name, in the working folder."""
    name = source.resolve().name
    stem = name if source.is_dir() else Path(name).stem
    return Path(f"{stem}{suffix}")


def _verify(compilation: Compilation) -> Verification:
    artifact = compilation.artifact
    assert artifact is not None
    return verify(compilation.source, artifact.path, compilation.settings.for_loading())


def _print(compilation: Compilation, options: argparse.Namespace) -> None:
    print_findings(compilation.findings, compilation.consequences, str(compilation.source))
    if options.timing:
        print(timing_table(compilation.records))
    if compilation.artifact is not None:
        print(summary(compilation))


def summary(compilation: Compilation) -> str:
    """Return what was made, for people: the file, what kind it is, its interface, and what to do next."""
    artifact, model = compilation.artifact, compilation.model
    assert artifact is not None
    assert model is not None
    document = model_document(model)
    rows = [("wrote", f"{artifact.path} ({format_bytes(artifact.nbytes)}, {compilation.seconds:.2f} s)")]
    rows += [("kind", artifact.kind), ("source", model.source.format if model.source else "")]
    for what in ("inputs", "outputs"):
        values = document[what]
        assert isinstance(values, list)
        rows += [(what[:-1], f"{value['name']}: {format_type(value)}") for value in values]
    lines = [f"{label:<8}{text}" for label, text in rows]
    lines += [f"{'next':<8}{step}" for step in artifact.next_steps]
    return "\n".join(lines)
