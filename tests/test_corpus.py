"""A corpus of models that nobody here wrote: verdicts as expected, numbers as recorded. Skipped where it is absent."""

import json
import os
from pathlib import Path

import pytest
from corpus import Result, cases, run_all

from modelc.cli.main import main

CORPUS = Path(os.environ.get("MODELC_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")

# Cases whose expected verdict does not hold, and why.
DISPUTED = {
    "b61650ce35e0e149L": "NonMaxSuppressionV4 with pad_to_max_output_size has a static shape",
    "45184f8fdf1c8071L": "NonMaxSuppressionV5 with pad_to_max_output_size has a static shape",
    "190923ef46f38161": "the shape to give has 32 channels, the first convolution takes 3",
    "fea1d874a24c31ff": "the shape to give is a scalar, the tensor has two dimensions",
}


needs_corpus = pytest.mark.skipif(not (CORPUS / "cases.jsonl").exists(), reason="there is no corpus")


@needs_corpus
def test_artifacts_of_other_tools_are_sound_or_named(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [CORPUS / case["model"] for case in cases(CORPUS, kinds=frozenset({"om"}))]
    read = 0
    for path in paths:
        code = main(["inspect", str(path), "--format", "json"])
        document = json.loads(capsys.readouterr().out)
        if code:
            (told,) = document["findings"]
            assert (told["code"], "for Kirin phones" in told["message"]) == ("MC502", True)
            assert told["fixes"]
            continue
        read += 1
        assert {"header", "partitions", "inputs", "outputs", "ops", "weights", "tasks", "memory"} <= document.keys()
        assert (main(["inspect", str(path), "--check"]), capsys.readouterr().err) == (0, "")
        assert (main(["inspect", str(path), "--format", "mir"]), capsys.readouterr().err) == (0, "")
    assert 0 < read < len(paths)


@needs_corpus
def test_every_case_of_the_corpus_ends_as_expected() -> None:
    chosen = [case for case in cases(CORPUS) if case["id"] not in DISPUTED]
    wrong = [describe(case, result) for case, result in run_all(CORPUS, chosen, workers=1) if result.problem]
    assert not wrong, "\n".join(wrong)


def describe(case: dict[str, object], result: Result) -> str:
    return f"{result.case} {case['model']} (expected {result.expected}): {result.problem} {result.messages[:2]}"
