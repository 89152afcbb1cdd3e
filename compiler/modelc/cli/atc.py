"""`modelc atc`: a command line of CANN's atc, explained option by option, and run by modelc."""

from __future__ import annotations

import argparse
import io
import json
import shlex
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field

from modelc.atc.translate import Translation, translate
from modelc.cli.declarations import ATC_USAGE
from modelc.cli.exit_codes import FINE
from modelc.cli.main import main
from modelc.cli.output import code_for, emit_json, print_findings
from modelc.diagnostics.diagnostic import Severity, fail
from modelc.files import write_text
from modelc.frontends.frontend import Json
from modelc.reports import finding_document
from modelc.tables import table


@dataclass(slots=True)
class _Request:
    """What was asked of modelc itself, and the rest."""

    dry_run: bool = False
    format: str = "text"
    atc: str | None = None
    help: bool = False
    words: list[str] = field(default_factory=list[str])


def run(options: argparse.Namespace) -> int:
    """Translate and run; returns the exit code."""
    request = _request(options.words)
    if request.help:
        options.print_help()
        return FINE
    options.format = request.format  # errors are printed in it too
    if not request.words:
        raise fail("MC712", f"no command line of atc is given: {ATC_USAGE}")
    translation = translate(request.words, request.atc)
    errors = [d for d in translation.findings if d.severity is Severity.ERROR]
    if request.format == "json":
        return _run_json(translation, request, code_for(errors))
    print(_explained(translation))
    print_findings(translation.findings, (), "")
    return code_for(errors) if errors or request.dry_run else _execute(translation)


def _request(words: Sequence[str]) -> _Request:
    request, pending = _Request(), list(reversed(words))
    while pending:
        word = pending.pop()
        name, equals, value = word.partition("=")
        if word == "--dry-run":
            request.dry_run = True
        elif word in ("-h", "--help"):
            request.help = True
        elif name == "--atc":
            request.atc = value
        elif name == "--format":
            request.format = value if equals else pending.pop() if pending else ""
        else:
            request.words.append(word)
    if request.format not in ("text", "json"):
        wrong, request.format = request.format, "text"
        raise fail("MC711", f"`--format` cannot be `{wrong}`, it is text or json")
    return request


def _explained(translation: Translation) -> str:
    rows = [("option", "value", "stance", "what becomes of it")]
    rows += [(m.option.name, _short(m.value), m.option.stance, m.option.note) for m in translation.meanings]
    lines = [table(rows)] if translation.meanings else []
    if translation.words:
        lines += ["", f"equivalent: {_text(translation.words)}"]
    if translation.document:
        lines.append(f"written to: {translation.document}")
    return "\n".join(lines)


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:37]}..."


def _text(words: Sequence[str]) -> str:
    return f"modelc {shlex.join(words)}"


def _execute(translation: Translation) -> int:
    if translation.document is None:
        return main(translation.words)
    code, text = _captured(translation.words)
    if code and translation.words[0] == "inspect":
        print(text, end="")
        return code
    write_text(translation.document, text)
    print(f"wrote {translation.document}")
    return code


def _captured(words: Sequence[str]) -> tuple[int, str]:
    stream = io.StringIO()
    with redirect_stdout(stream):
        code = main(words)
    return code, stream.getvalue()


def _run_json(translation: Translation, request: _Request, code: int) -> int:
    result: Json = None
    if not code and translation.ok and not request.dry_run:
        words = translation.words if "--format" in translation.words else [*translation.words, "--format", "json"]
        code, text = _captured(words)
        result = json.loads(text) if text else None
        if translation.document is not None:
            write_text(translation.document, text)
    emit_json(
        {
            "command": _text(translation.words) if translation.words else None,
            "words": translation.words,
            "options": [
                {"name": m.option.name, "value": m.value, "stance": m.option.stance, "note": m.option.note}
                for m in translation.meanings
            ],
            "findings": [finding_document(d) for d in translation.findings],
            "document": str(translation.document) if translation.document else None,
            "result": result,
        }
    )
    return code
