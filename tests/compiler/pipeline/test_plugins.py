"""Plugins: a file given by hand, an installed distribution, broken ones, and taken names."""

import subprocess
import sys
from pathlib import Path

import pytest

from modelc.diagnostics.diagnostic import ModelcError
from modelc.dialects.lookup import op_def
from modelc.pipeline.registry import PASSES, load_plugin

EXAMPLE = Path(__file__).parents[2] / "plugin"


def test_a_plugin_file_brings_a_pass_a_check_and_an_op() -> None:
    found = load_plugin(EXAMPLE / "modelc_acme.py")
    assert found == ["dialect acme", "pass fuse-swish", "pass large-constant"]
    assert PASSES.get("fuse-swish").help() == "Replace x * sigmoid(x) by one op."
    assert op_def("acme.Swish") is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nonesuch", "nonesuch"),
        ("def f(:", "could not be loaded"),
        ("raise SystemError('boom')", "boom"),
        ("x = 1", "defines no pass"),
    ],
)
def test_a_broken_plugin_is_a_finding(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "plugin.py"
    path.write_text(text)
    with pytest.raises(ModelcError, match=words) as caught:
        load_plugin(path)
    assert caught.value.diagnostics[0].code == "MC404"


def test_a_plugin_cannot_take_the_name_of_a_pass(tmp_path: Path) -> None:
    path = tmp_path / "rival.py"
    path.write_text(
        (EXAMPLE / "modelc_acme.py").read_text().replace('"fuse-swish"', '"freeze"').replace('"acme"', '"rival"')
    )
    with pytest.raises(ModelcError, match="freeze") as caught:
        load_plugin(path)
    assert caught.value.diagnostics[0].code == "MC405"


def test_an_installed_distribution_is_found_and_used(tmp_path: Path) -> None:
    site, model = tmp_path / "site", tmp_path / "swish.mir"
    _install(site)
    model.write_text(
        "graph @main(%x: f32[4]) {\n"
        "  %s = ge.Sigmoid(%x) : f32[4]\n"
        "  %y = ge.Mul(%s, %x) : f32[4]\n"
        '  return %y {names = ["y"]}\n'
        "}\n"
    )
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); from modelc.cli.main import main; "
        f"print(main(['opt', {str(model)!r}, '--passes', 'fuse-swish']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "acme.Swish(%x)" in done.stdout, done.stderr
    assert "ge.Mul" not in done.stdout


def _install(site: Path) -> None:
    """Lay the example out as pip would, from its own project file."""
    import tomllib

    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    metadata = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    (site / "modelc_acme.py").write_text((EXAMPLE / "modelc_acme.py").read_text())
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"]
    lines = [line for group in groups for line in (f"[{group}]", *(f"{k} = {v}" for k, v in groups[group].items()))]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
