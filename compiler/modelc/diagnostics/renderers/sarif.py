"""Findings as SARIF 2.1.0, the interchange format of static analysis tools."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from modelc.diagnostics.codes import CODES
from modelc.diagnostics.diagnostic import Diagnostic, Fix
from modelc.diagnostics.explain import meaning, page
from modelc.diagnostics.renderers.words import op_type, safe
from modelc.frontends.frontend import Json
from modelc.version import __version__

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_sarif(findings: Sequence[Diagnostic], consequences: Sequence[Diagnostic], source: str, color: bool) -> str:
    """Return a log with one run; its rules are the codes that were found, with their explanations as help."""
    codes = sorted({diagnostic.code for diagnostic in findings})
    run: Json = {
        "tool": {"driver": {"name": "modelc", "semanticVersion": __version__, "rules": [_rule(c) for c in codes]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, codes.index(diagnostic.code), source) for diagnostic in findings],
        "properties": {"consequences": len(consequences)},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(code: str) -> Json:
    entry = CODES[code]
    return {
        "id": code,
        "name": entry.name,
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": meaning(code)},
        "help": {"text": page(code), "markdown": page(code)},
        "defaultConfiguration": {"level": entry.severity},
    }


def _result(diagnostic: Diagnostic, rule: int, source: str) -> Json:
    properties: dict[str, Json] = {
        "evidence": {what: safe(value) for what, value in diagnostic.evidence},
        "notes": list(map(safe, diagnostic.notes)),
        "fixes": [_fix(fix) for fix in diagnostic.fixes],
        "acceptedBy": list(diagnostic.accepted_by),
    }
    identity = f"{diagnostic.code}\n{diagnostic.op}\n{diagnostic.message}"
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity.value,
        "message": {"text": _message(diagnostic)},
        "locations": _locations(diagnostic, source),
        "partialFingerprints": {
            "modelcFinding/v1": hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
        },
        "properties": properties,
    }


def _message(diagnostic: Diagnostic) -> str:
    helps = [f"help: {_fix(fix)}" for fix in diagnostic.fixes]
    return "\n".join([safe(diagnostic.message), *helps])


def _fix(fix: Fix) -> str:
    return safe(f"{fix.text}: {fix.flag}" if fix.flag else fix.text)


def _locations(diagnostic: Diagnostic, source: str) -> list[Json]:
    location: dict[str, Json] = {}
    file = diagnostic.file or source
    if file:
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(file)}, "region": {"startLine": 1}}
    nodes = [(node.name, node.op_type) for node in diagnostic.origin.nodes] or [(diagnostic.op, op_type(diagnostic))]
    named = [(safe(name), safe(kind)) for name, kind in nodes if name]
    if named:
        location["logicalLocations"] = [
            {"name": name.rpartition("/")[2] or name, "fullyQualifiedName": name, "kind": kind or "op"}
            for name, kind in named
        ]
    return [location] if location else []


def _uri(file: str) -> str:
    path = Path(file)
    text = quote(path.as_posix(), safe="/~", errors="replace")
    return f"file://{text}" if path.is_absolute() else text
