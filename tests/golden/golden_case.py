"""Golden cases: texts with a pipeline and what must come out of it. The format is described in README.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, Severity, Sink
from modelc.ir.model import Model
from modelc.ir.origin import Origin
from modelc.pipeline import manager
from modelc.pipeline.facts import implied
from modelc.pipeline.passes import Check, Pass, PassContext
from modelc.profiles import DEFAULT, profile
from modelc.text.printer import print_model
from modelc.text.reader import read_model

GOLDEN = Path(__file__).parent
NEXT_CASE = "// =====\n"
RESULT = "// -----\n"
INLINE = 1024  # bytes of constants that golden files hold as numbers
SOURCE_OP = re.compile(r"^[^/\n]*\b(?:tf|onnx|caffe)\.[A-Za-z]+\(", re.MULTILINE)
NEVER_FROM_A_SOURCE = ("input", "return", "absent")


@dataclass(frozen=True)
class GoldenCase:
    """One case of one golden file; the words of its first lines are described in README.md.

    Attributes:
        path: The file.
        number: The case in the file, from 0.
        text: The text of the case.
        pipeline: What runs when the case itself names nothing.
    """

    path: Path
    number: int
    text: str
    pipeline: str = ""

    @property
    def name(self) -> str:
        """The file without its ending, and the number of the case."""
        path = self.path.with_suffix("")
        return f"{path.relative_to(GOLDEN) if path.is_relative_to(GOLDEN) else path.name}:{self.number}"

    @property
    def before(self) -> str:
        """The text that goes in."""
        return self.text.partition(RESULT)[0]

    @property
    def expected(self) -> str:
        """What must come out."""
        return self.text.partition(RESULT)[2].strip("\n") + "\n"

    @property
    def ends_with_findings(self) -> bool:
        """Whether findings alone are expected, so that there is no graph to look at afterwards."""
        return all(line.startswith("// FINDING:") for line in self.expected.splitlines() if line)

    def obeys(self, law: str) -> bool:
        """Whether `law` can be tested on this case."""
        if self.ends_with_findings or law in re.split(r"[,\s]+", self.header("EXCEPT")):
            return False
        return law != "evaluation" or not SOURCE_OP.search(self.text)

    def header(self, word: str) -> str:
        """Return what follows `// WORD:` in the input, empty when there is no such line."""
        match = re.search(rf"^// {word}:(.*)$", self.before, re.MULTILINE)
        return match[1].strip() if match else ""

    def passes(self) -> list[Pass]:
        """Return the passes of the case."""
        return manager.parse(self.header("RUN") or self.pipeline)

    def model(self) -> Model:
        """Return the input. Every op has an origin, and the facts its passes need hold unless the text states facts."""
        model = read_model(self.before, self.name)
        for op in model.ops():
            if not op.origin.nodes and op.kind not in NEVER_FROM_A_SOURCE:
                op.origin = Origin.of("golden", op.name, op.kind)
        if not model.facts:
            model.facts = implied(model).union(*(work.needs for work in self.passes()))
        return model

    def run(self, model: Model) -> list[Diagnostic]:
        """Run the passes on `model` and return the findings."""
        context = PassContext(Sink(), profile(self.header("PROFILE") or DEFAULT), self.header("SOC"))
        try:
            manager.run(model, self.passes(), context)
        except ModelcError as error:
            context.sink.extend(error.diagnostics)
        return list(context.sink)

    def outcome(self) -> str:
        """Return what comes out: findings, then the graph where there is no error and a pass that could change it."""
        model = self.model()
        findings = self.run(model)
        lines = [f"// FINDING: {item.code} {' '.join(item.message.split())}\n" for item in findings]
        failed = any(item.severity is Severity.ERROR for item in findings)
        if failed or all(isinstance(work, Check) for work in self.passes()):
            return "".join(lines) or "\n"
        return "".join(lines) + print_model(Model(model.graph, model.functions), origins=False, inline=INLINE)

    def update(self, outcome: str) -> None:
        """Write `outcome` into the file as what is expected."""
        cases = self.path.read_text("utf-8").split(NEXT_CASE)
        end = "\n" if self.number < len(cases) - 1 else ""
        cases[self.number] = f"{self.before.rstrip()}\n{RESULT}{outcome}{end}"
        self.path.write_text(NEXT_CASE.join(cases), "utf-8")


def golden_cases(path: Path) -> list[GoldenCase]:
    """Return the cases of one file; a case without a pipeline has that of the case before."""
    cases: list[GoldenCase] = []
    pipeline = path.stem
    for number, text in enumerate(path.read_text("utf-8").split(NEXT_CASE)):
        case = GoldenCase(path, number, text, pipeline)
        pipeline = case.header("RUN") or pipeline
        cases.append(case)
    return cases
