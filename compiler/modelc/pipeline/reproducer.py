"""Reproducers: what is needed to see a fault of modelc again, in a folder of its own."""

from __future__ import annotations

import json
import platform
import tempfile
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path

from modelc.backend import BACKENDS
from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, finding
from modelc.ir.model import Model
from modelc.version import __version__

REPORT = "report.json"
IR = "before.mir"
EXECUTABLE = "mir"  # the target that keeps a model as it is
PREFIX = "modelc-reproducer-"


def fault(
    message: str,
    error: BaseException,
    report: Mapping[str, object],
    *,
    ir: str = "",
    again: str = "",
    shrink: str = "",
    file: str = "",
    notes: Iterable[str] = (),
) -> Diagnostic:
    """Write a reproducer, and return the finding about a fault of modelc.

    Args:
        message: What failed.
        error: What was raised.
        report: What was asked for.
        ir: The model as it was before, as text without weights; empty where there is none.
        again: The command that shows the fault again; `IR` in it stands for the file with that model.
        shrink: The command that makes that model smaller, in the same form.
        file: The source.
        notes: Further sentences.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        if ir:
            again, shrink = (command.replace("IR", str(folder / IR), 1) for command in (again, shrink))
            (folder / IR).write_text(ir, "utf-8")
        (folder / REPORT).write_text(_text(error, {**report, "again": again}), "utf-8")
    except OSError:  # the finding alone must do
        return finding("MC901", message, file=file, notes=notes)
    fixes = [Fix(f"see it again with `{again}`")] if again else []
    fixes += [Fix(f"shrink it with `{shrink}`")] if shrink else []
    return finding(
        "MC901",
        message,
        file=file,
        evidence=[("reproducer", str(folder))],
        notes=notes,
        fixes=[*fixes, Fix("report it, with the reproducer; it holds no weights")],
    )


def keep(model: Model, report: Mapping[str, object]) -> Path | None:
    """Write a reproducer that can be executed: the model with its numbers, or references to where they are.

    Args:
        model: The model as it was before.
        report: What was asked for, and what came of it.

    Returns:
        The file with the model; None when it cannot be written.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        BACKENDS.get(EXECUTABLE).write(model, folder / IR)
        (folder / REPORT).write_text(_document(report), "utf-8")
    except (OSError, ModelcError):
        return None
    return folder / IR


def _text(error: BaseException, report: Mapping[str, object]) -> str:
    return _document({**report, "traceback": traceback.format_exception(error)})


def _document(report: Mapping[str, object]) -> str:
    about = {"modelc": __version__, "python": platform.python_version(), "system": platform.platform()}
    return json.dumps({**about, **report}, indent=2, default=str)
