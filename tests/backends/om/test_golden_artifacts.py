"""What comes out of the golden cases, written as artifacts: they conform, and read back as the same graph."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from golden_case import GOLDEN, GoldenCase, golden_cases

from modelc.diagnostics.diagnostic import ModelcError, Severity, Sink
from modelc.frontends.frontend import LoadOptions
from modelc.ir.model import Model
from modelc_backends.om.backend import AIR, OM
from modelc_backends.om.reader import FRONTEND_AIR, FRONTEND_OM

STRUCTURE = frozenset({"input", "const", "absent", "return"})


def structure(described: Any) -> str:
    """Kinds, operands and types of a description; symbolic dimensions, which artifacts cannot say, are unknown ones."""
    text = str([(kind, operands, types) for kind, operands, types, *_ in described])
    return re.sub(r"(?<=[\[ ])[A-Za-z_]\w*(?=[,\]])", "?", text)


def outcome(case: GoldenCase) -> Model | None:
    """The graph that comes out of a case, None where it is not one of the canonical dialect."""
    model = case.model()
    if not case.obeys("verification") or any(item.severity is Severity.ERROR for item in case.run(model)):
        return None
    return model if all(op.dialect == "ge" or op.kind in STRUCTURE for op in model.ops()) else None


def test_golden_graphs_are_artifacts(tmp_path: Path, description: Any) -> None:
    written, refused = 0, []
    for case in (case for path in sorted(GOLDEN.rglob("*.mir")) for case in golden_cases(path)):
        model = outcome(case)
        if model is None:
            continue
        for backend, frontend in ((OM, FRONTEND_OM), (AIR, FRONTEND_AIR)):
            try:
                path = backend.write(model, tmp_path / f"case{backend.suffix}").path
            except ModelcError as error:
                refused.append((case.name, [d.message for d in error.diagnostics]))
                continue
            read = frontend.load(path, LoadOptions(), Sink())
            before, after = (description(each.graph, names=False) for each in (model, read))
            assert structure(after) == structure(before), case.name
            written += 1
    assert written > 100
    assert [name for name, messages in refused if not any("must be known" in text for text in messages)] == []
