"""Start-up: what must not be imported, and what the command line answers at once."""

import subprocess
import sys

import pytest

HEAVY = ("numpy", "onnx", "tensorflow", "lark", "networkx", "google.protobuf", "ml_dtypes")


def imported_by(*words: str) -> set[str]:
    code = (
        "import sys\nfrom modelc.cli.main import main\n"
        f"try:\n    main({list(words)!r})\nexcept SystemExit:\n    pass\n"
        "print('MODULES', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("MODULES")[2].split())


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    assert not imported_by(*words) & set(HEAVY)


@pytest.mark.parametrize("command", ["compile", "check", "run", "verify", "inspect", "opt", "bench", "passes", "demo"])
def test_help_of_a_command_imports_no_framework(command: str) -> None:
    assert not imported_by(command, "--help") & {"onnx", "tensorflow", "networkx"}


def test_wrong_usage_exits_with_two() -> None:
    done = subprocess.run([sys.executable, "-m", "modelc", "frobnicate"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "invalid choice" in done.stderr
