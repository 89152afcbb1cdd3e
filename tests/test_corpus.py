"""A corpus of models that nobody here wrote: verdicts as expected, numbers as recorded. Skipped where it is absent."""

import os
from pathlib import Path

import pytest
from corpus import Result, cases, run_all

CORPUS = Path(os.environ.get("MODELC_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")

# Cases whose expected verdict does not hold, and why.
DISPUTED = {
    "b61650ce35e0e149L": "NonMaxSuppressionV4 with pad_to_max_output_size has a static shape",
    "45184f8fdf1c8071L": "NonMaxSuppressionV5 with pad_to_max_output_size has a static shape",
    "190923ef46f38161": "the shape to give has 32 channels, the first convolution takes 3",
    "fea1d874a24c31ff": "the shape to give is a scalar, the tensor has two dimensions",
}


@pytest.mark.skipif(not (CORPUS / "cases.jsonl").exists(), reason="there is no corpus")
def test_every_case_of_the_corpus_ends_as_expected() -> None:
    chosen = [case for case in cases(CORPUS) if case["id"] not in DISPUTED]
    wrong = [describe(case, result) for case, result in run_all(CORPUS, chosen, workers=1) if result.problem]
    assert not wrong, "\n".join(wrong)


def describe(case: dict[str, object], result: Result) -> str:
    return f"{result.case} {case['model']} (expected {result.expected}): {result.problem} {result.messages[:2]}"
