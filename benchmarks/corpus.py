"""Compile every TensorFlow case of a corpus, compare verdicts with the expected ones and outputs with the references.

What compiles is written as `.om` and as `.air`; both must pass every check of conformance and hold the same model.

Usage: python benchmarks/corpus.py CORPUS [--kinds tf_graphdef,tf_savedmodel] [--ids a,b] [--keep DIR] [--verbose]

CORPUS is a folder with `cases.jsonl`: one JSON object a line with `id`, `kind`, `model`, `expected`, and where they
apply `fixed_shapes`, `outputs`, `signature`, `refs` (an npz of `in:NAME` and `out:NAME`) and `ref_match`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.backend import BACKENDS
from modelc.diagnostics.codes import CODES
from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.difference.compare import differences
from modelc.driver import Compilation, Settings, compile_model
from modelc.execute.compare import compare
from modelc.execute.engine import candidates
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import detect, load
from modelc.frontends.soundness import findings
from modelc.ir.constants import numpy_dtype
from modelc.ir.graph import Graph
from modelc.ir.types import F32
from modelc.tables import table

TIMEOUT = 120  # seconds for one case
ACCEPTED = frozenset({"compile", "strip_then_compile", "needs_shape"})
COUNTED = ("cases", "compiled", "refused", "wrong")
UNTAKEN = frozenset({"MC303", "MC510", "MC602"})  # what an engine cannot execute
EITHER = frozenset({"op_support", "no_inputs", "no_crash"})


@dataclass(frozen=True)
class Result:
    """What became of one case.

    Attributes:
        case: Its name.
        expected: The verdict it should have.
        verdict: The one it has.
        problem: What is wrong, empty where all is well.
        compared: The engines whose numbers were held against the references.
        codes: The codes of what it was refused for.
        messages: The same in words.
    """

    case: str
    expected: str
    verdict: str
    problem: str = ""
    compared: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


def cases(
    corpus: Path, kinds: frozenset[str] = frozenset(), ids: frozenset[str] = frozenset()
) -> Iterator[dict[str, Any]]:
    """Yield the TensorFlow cases, or those of the given kinds or ids."""
    for line in (corpus / "cases.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        wanted = case["kind"] in kinds if kinds else case["kind"].startswith("tf_")
        if case["id"] in ids if ids else wanted:
            yield case


def run_case(corpus: Path, case: Mapping[str, Any], keep: Path | None = None) -> Result:
    """Compile one case and judge what came of it; its artifacts stay in the folder `keep`."""
    shapes = ";".join(f"{item['name']}:{','.join(map(str, item['shape']))}" for item in case.get("fixed_shapes", ()))
    outputs = ";".join(name for name in case.get("outputs", ()) if ":" in name and "savedmodel" not in case["kind"])
    settings = Settings(input_shape=shapes, out_nodes=outputs, signature=case.get("signature", ""))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"{case['id']}.om"
        compilation = compile_model(corpus / case["model"], target, settings)
        compared: list[str] = []
        problem = _judge(case, compilation, target)
        if compilation.ok and not problem:
            problem = _judge_artifacts(compilation, target)
            if not problem and "refs" in case and case.get("ref_match", True):
                problem = _compare(corpus, case, target, compared)
        if keep is not None:
            shutil.copytree(target.parent, keep, dirs_exist_ok=True)
    codes = tuple(sorted({d.code for d in compilation.errors}))
    messages = tuple(f"{d.code} {d.message}" for d in compilation.errors)
    verdict = "compiled" if compilation.ok else "refused"
    return Result(case["id"], case["expected"], verdict, problem, tuple(compared), codes, messages)


def _judge(case: Mapping[str, Any], compilation: Compilation, target: Path) -> str:
    expected = case["expected"]
    if compilation.crash is not None:
        return f"crash: {type(compilation.crash).__name__}: {compilation.crash}"
    if not compilation.ok:
        if list(target.parent.iterdir()):
            return "refused, but a file was left"
        excused = expected == "needs_shape" and "fixed_shapes" not in case
        return "" if excused or expected not in ACCEPTED else "refused"
    return "" if expected in ACCEPTED | EITHER else "compiled, but should be refused"


def _judge_artifacts(compilation: Compilation, target: Path) -> str:
    """Write the model as `.air` as well, and judge both files."""
    assert compilation.model is not None
    other = target.with_suffix(".air")
    BACKENDS.get("air").write(compilation.model, other)
    for path in (target, other):
        check = detect(path).check
        assert check is not None
        for each in findings(path, check(path)):
            return f"does not conform: {each.message}"
    models = (load(path, LoadOptions(), Sink()) for path in (target, other))
    return "" if differences(*models).equal else "holds different models as .om and as .air"


def _compare(corpus: Path, case: Mapping[str, Any], artifact: Path, compared: list[str]) -> str:
    """Return how the numbers of an artifact differ from the references; adds the engines that executed it."""
    arrays = _read(corpus / case["refs"])
    tensors = {item["name"]: item["tensor"] for item in case.get("fixed_shapes", ()) if "tensor" in item}
    model = load(artifact, LoadOptions(), Sink())
    given = {name.removeprefix("in:"): array for name, array in arrays.items() if name.startswith("in:")}
    wanted = {name.removeprefix("out:"): array for name, array in arrays.items() if name.startswith("out:")}
    feeds = dict(_feeds(model.graph, given, tensors))
    for engine in candidates():
        if not engine.is_installed() or engine.obstacles(model):
            continue
        try:
            actual = engine.prepare(model)(feeds)
        except ModelcError as error:
            if all(each.code in UNTAKEN for each in error.diagnostics):
                continue
            return f"does not run with {engine.name}: {error}"
        compared.append(engine.name)
        problem = _difference(actual, wanted)
        if problem:
            return f"{engine.name}: {problem}"
    return ""


def _difference(actual: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]) -> str:
    pairs = _pairs(actual, wanted)
    if not pairs:
        return f"outputs {', '.join(actual)} are none of {', '.join(wanted)}"
    for name, reference in pairs.items():
        result = compare(name, _single(reference), _single(actual[name]))
        if not result.equal:
            return f"differs: {result.text()}"
    return ""


def _pairs(actual: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the references by the names of the outputs; signatures name outputs in their own way, but in order."""
    named = {name: wanted[key] for name in actual for key in (name, f"{name}:0") if key in wanted}
    in_order = dict(zip(actual, wanted.values(), strict=False)) if len(actual) == len(wanted) else {}
    return named or in_order


def _single(array: NDArray[Any]) -> NDArray[Any]:
    """Return doubles in single precision: frameworks compute some ops on doubles in less than that."""
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _feeds(
    graph: Graph, given: Mapping[str, NDArray[Any]], tensors: Mapping[str, str]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the arrays for the graph's inputs; references name tensors, and may hold doubles for single precision."""
    for name, value in zip(graph.input_names, graph.inputs, strict=True):
        for key in (tensors.get(name, name), f"{name}:0"):
            if key in given:
                yield name, given[key].astype(numpy_dtype(value.tensor.element or F32))
                break


def _read(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as archive:
        return {name.replace("____", "/"): archive[name] for name in archive.files}


def _worker(job: tuple[Path, dict[str, Any], Path | None]) -> Result:
    corpus, case, keep = job
    try:
        return run_case(corpus, case, keep)
    except Exception as error:  # a fault of the judge or of modelc: shown with the case
        return Result(case["id"], case["expected"], "crash", f"crash: {type(error).__name__}: {error}")


def run_all(
    corpus: Path, chosen: list[dict[str, Any]], workers: int = 2, keep: Path | None = None
) -> Iterator[tuple[dict[str, Any], Result]]:
    """Yield every case with its result; cases run in processes of their own kind, each within `TIMEOUT`."""
    with multiprocessing.get_context("spawn").Pool(workers, maxtasksperchild=200) as pool:
        pending = [(case, pool.apply_async(_worker, ((corpus, case, keep),))) for case in chosen]
        for case, future in pending:
            try:
                yield case, future.get(TIMEOUT)
            except multiprocessing.TimeoutError:
                yield case, Result(case["id"], case["expected"], "hang", f"no verdict after {TIMEOUT} s")


def main() -> None:
    """Run the corpus and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("corpus", type=Path, help="folder with cases.jsonl")
    parser.add_argument("--kinds", default="", help="only these kinds")
    parser.add_argument("--ids", default="", help="only these cases")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the artifacts there")
    parser.add_argument("--verbose", action="store_true", help="also list refusals that were expected or allowed")
    options = parser.parse_args()
    kinds = frozenset(filter(None, options.kinds.split(",")))
    ids = frozenset(filter(None, options.ids.split(",")))
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    chosen = list(cases(options.corpus, kinds, ids))
    tally, codes = defaultdict[str, Counter[str]](Counter), Counter[str]()
    for case, result in run_all(options.corpus, chosen, keep=options.keep):
        counted = tally[result.expected]
        counted.update(("cases", result.verdict, *result.compared), wrong=bool(result.problem))
        codes.update(result.codes)
        if result.problem or (options.verbose and result.verdict == "refused"):
            print(f"{result.case} {case['kind']} {case['model']}\n  expected {result.expected}: {result.problem}")
            for message in result.messages[:3]:
                print(f"    {message[:240]}")
    columns = (*COUNTED, *(engine.name for engine in candidates()))
    rows = [("expected", *columns)]
    rows += [(name, *(str(counts[each]) for each in columns)) for name, counts in sorted(tally.items())]
    print(table(rows, frozenset(range(1, len(rows[0])))))
    print("refused for:", ", ".join(f"{count} {code} {CODES[code].name}" for code, count in codes.most_common()))


if __name__ == "__main__":
    main()
