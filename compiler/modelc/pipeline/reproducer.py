"""Reproducers: what is needed to see a fault of modelc again, in a folder of its own."""

from __future__ import annotations

import json
import platform
import tempfile
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.version import __version__

REPORT = "report.json"
IR = "before.mir"


def fault(
    message: str,
    error: BaseException,
    report: Mapping[str, object],
    *,
    ir: str = "",
    again: str = "",
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
        file: The source.
        notes: Further sentences.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="modelc-reproducer-"))
        again = again.replace("IR", str(folder / IR), 1)
        (folder / IR).write_text(ir, "utf-8") if ir else None
        (folder / REPORT).write_text(_text(error, {**report, "again": again}), "utf-8")
    except OSError:  # the finding alone must do
        return finding("MC901", message, file=file, notes=notes)
    fixes = [Fix(f"see it again with `{again}`")] if again else []
    return finding(
        "MC901",
        message,
        file=file,
        evidence=[("reproducer", str(folder))],
        notes=notes,
        fixes=[*fixes, Fix("report it, with the reproducer; it holds no weights")],
    )


def _text(error: BaseException, report: Mapping[str, object]) -> str:
    document = {
        "modelc": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        **report,
        "traceback": traceback.format_exception(error),
    }
    return json.dumps(document, indent=2, default=str)
