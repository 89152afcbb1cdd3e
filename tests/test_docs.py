"""Generated pages agree with the code."""

from pathlib import Path

from modelc.cli.ops import page

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_of_ops_is_current() -> None:
    assert (DOCS / "ops.md").read_text("utf-8").strip() == page().strip(), "run `make docs`"
