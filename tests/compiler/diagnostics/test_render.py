"""The styles of reports: exact text, documents that parse, and names that cannot do harm."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from modelc.diagnostics.codes import CODES
from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.diagnostics.render import STYLES, render
from modelc.ir.op import Op
from modelc.ir.origin import Origin, merge

HOSTILE = '\x1b[2Jevil\r\n::error::<script>alert(1)</script>\u202e"&%\ud800\x9b'

CONV = Op("tf.Conv3D", origin=Origin.of("tensorflow", "net/conv", "Conv3D"))
FUSED = Op(
    "ge.Conv2D",
    origin=merge([Origin.of("tensorflow", "conv", "Conv2D"), Origin.of("tensorflow", "bn", "FusedBatchNormV3")]),
)

ERROR = replace(
    finding(
        "MC208",
        "`net/conv` (Conv3D) works in three dimensions; the target convolves and pools in two",
        CONV,
        evidence=[("ops", "net/conv: filter f32[3, 3, 3, 1, 4]"), ("op types", "Conv3D"), ("nothing", "")],
        notes=["newer tools have kernels"],
        fixes=[Fix("use two dimensions"), Fix("compile under newer rules", "--profile cann-5")],
        accepted_by=["cann-5", "cann-8"],
    )
)
WARNING = finding("MC217", "`conv` rounds", FUSED, evidence=[("ops", "a; b; c; d")])
NOTE = finding("MC120", "signature `serve` was chosen", file="other/saved_model.pb")
POINTER = finding("MC402", "a bad option", evidence=[("in", "prune{x=1}\n      ^^^")])
ALL = [ERROR, POINTER, WARNING, NOTE]

TEXT = """\
error[MC208]: `net/conv` (Conv3D) works in three dimensions; the target convolves and pools in two
 --> model.pb: net/conv (Conv3D)
  |
  | ops:      net/conv: filter f32[3, 3, 3, 1, 4]
  | op types: Conv3D
  |
  = note: newer tools have kernels
  = note: accepted under cann-5, cann-8
  = help: use two dimensions
  = help: compile under newer rules: --profile cann-5

error[MC402]: a bad option
 --> model.pb
  |
  | in: prune{x=1}
  |           ^^^
  |

warning[MC217]: `conv` rounds
 --> model.pb: conv (Conv2D)
  |
  | ops: a
  |      b
  |      c
  |      d
  |
  = note: it stands for conv (Conv2D), bn (FusedBatchNormV3)

note[MC120]: signature `serve` was chosen
 --> other/saved_model.pb

2 errors, 1 warning, 1 note; 2 findings that only follow from these are not shown
`modelc explain CODE` tells more about MC120, MC208, MC217, MC402"""


def hostile() -> Diagnostic:
    op = Op("tf.Conv3D", origin=Origin.of("tensorflow", HOSTILE, HOSTILE))
    return finding(
        "MC208",
        f"`{HOSTILE}` works",
        op,
        file=HOSTILE,
        evidence=[(HOSTILE, HOSTILE)],
        notes=[HOSTILE],
        fixes=[Fix(HOSTILE, f"--out-nodes {HOSTILE}")],
    )


def test_text() -> None:
    assert render("text", ALL, [NOTE, NOTE], "model.pb", False) == TEXT


def test_one_consequence_and_one_code_read_well() -> None:
    last = render("text", [ERROR], [NOTE], "model.pb", False).splitlines()[-2:]
    assert last == [
        "1 error; 1 finding that only follows from these is not shown",
        "`modelc explain MC208` tells more",
    ]


def test_text_for_a_terminal_is_coloured_and_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    text = render("text", [replace(ERROR, notes=("word " * 40,))], [], "model.pb", True)
    assert "\x1b[1;31merror[MC208]" in text
    assert "\x1b[32m--profile cann-5\x1b[0m" in text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert max(map(len, plain.splitlines())) <= 60
    assert " ".join(plain.split()).count("word word") >= 15


def test_a_long_word_is_not_broken_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "5")
    text = render("text", [replace(ERROR, notes=("x" * 90,))], [], "model.pb", True)
    assert "x" * 90 in text


def test_concise() -> None:
    assert render("concise", ALL, [], "model.pb", False).splitlines() == [
        "model.pb: error[MC208] `net/conv` (Conv3D) works in three dimensions; "
        "the target convolves and pools in two (net/conv)",
        "model.pb: error[MC402] a bad option",
        "model.pb: warning[MC217] `conv` rounds (conv)",
        "other/saved_model.pb: note[MC120] signature `serve` was chosen",
    ]


def test_json() -> None:
    documents = json.loads(render("json", ALL, [], "model.pb", False))
    assert [document["code"] for document in documents] == ["MC208", "MC402", "MC217", "MC120"]
    assert documents[0]["fixes"][1] == {"text": "compile under newer rules", "flag": "--profile cann-5"}
    assert documents[0]["evidence"]["op types"] == "Conv3D"


def test_github_escapes_what_would_end_a_property_or_a_line() -> None:
    lines = render("github", [replace(NOTE, message="50% a\nb"), ERROR], [], "a,b:c.pb", False).splitlines()
    assert lines[0] == "::notice file=other/saved_model.pb,title=MC120 default-signature::50%25 a\\nb"
    assert lines[1].startswith("::error file=a%2Cb%3Ac.pb,title=MC208 unsupported-conv3d::`net/conv`")
    assert lines[1].endswith("%0Ahelp: use two dimensions%0Ahelp: compile under newer rules: --profile cann-5")


# -- SARIF


def test_sarif_has_the_structure_of_version_2_1_0() -> None:
    log = json.loads(render("sarif", ALL, [NOTE], "models/my model.pb", False))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "modelc"
    assert [rule["id"] for rule in driver["rules"]] == sorted({d.code for d in ALL})
    for rule in driver["rules"]:
        assert rule.keys() == {"id", "name", "shortDescription", "fullDescription", "help", "defaultConfiguration"}
        assert rule["help"]["text"].startswith(f"# {rule['id']}")
        assert rule["defaultConfiguration"]["level"] in {"error", "warning", "note"}
    for diagnostic, result in zip(ALL, run["results"], strict=True):
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == diagnostic.code
        assert result["level"] == diagnostic.severity.value
        assert result["message"]["text"].startswith(diagnostic.message)
        assert len(result["locations"]) == 1


def test_sarif_points_to_the_file_and_the_nodes() -> None:
    results = json.loads(render("sarif", [ERROR, WARNING], [], "models/my model.pb", False))["runs"][0]["results"]
    (first,) = results[0]["locations"]
    assert first["physicalLocation"]["artifactLocation"]["uri"] == "models/my%20model.pb"
    assert first["logicalLocations"] == [{"name": "conv", "fullyQualifiedName": "net/conv", "kind": "Conv3D"}]
    assert [item["fullyQualifiedName"] for item in results[1]["locations"][0]["logicalLocations"]] == ["conv", "bn"]


def test_sarif_has_absolute_paths_as_file_addresses_and_no_location_without_a_source() -> None:
    absolute = json.loads(render("sarif", [ERROR], [], "/tmp/a b.pb", False))["runs"][0]["results"][0]
    assert absolute["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///tmp/a%20b.pb"
    assert json.loads(render("sarif", [POINTER], [], "", False))["runs"][0]["results"][0]["locations"] == []


def test_sarif_fingerprints_tell_findings_apart() -> None:
    results = json.loads(render("sarif", ALL, [], "model.pb", False))["runs"][0]["results"]
    prints = [result["partialFingerprints"]["modelcFinding/v1"] for result in results]
    assert len(set(prints)) == len(ALL)


# -- HTML


class Page(HTMLParser):
    """Collects what a page is made of, and sees to it that tags are closed in order."""

    VOID = frozenset({"meta", "link", "br", "img", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def addresses(self) -> Iterator[str]:
        for _, attributes in self.tags:
            yield from (str(value) for name, value in attributes.items() if name in ("src", "href"))


def test_html_shows_verdict_findings_and_fixes() -> None:
    page = Page(render("html", ALL, [NOTE], "model.pb", False))
    text = " ".join(" ".join(page.texts).split())
    assert "cannot be compiled as it stands" in text
    assert "2 errors, 1 warning, 1 note; 1 finding that only follows from these is not shown" in text
    assert "--profile cann-5" in text
    assert [attributes["id"] for tag, attributes in page.tags if tag == "article"] == [
        f"finding-{number}" for number in (1, 2, 3, 4)
    ]


def test_html_of_a_good_model() -> None:
    text = " ".join(Page(render("html", [], [], "model.pb", False)).texts)
    assert "can be compiled" in text
    assert "no findings" in text
    assert "can be compiled" in " ".join(Page(render("html", [WARNING], [], "model.pb", False)).texts)


def test_html_needs_nothing_else() -> None:
    text = render("html", [*ALL, hostile()], [], "model.pb", False)
    page = Page(text)
    assert all(address.startswith("#finding-") for address in page.addresses())
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert "url(" not in text
    assert "@import" not in text


def test_html_has_colours_for_light_and_dark() -> None:
    text = render("html", ALL, [], "model.pb", False)
    assert "prefers-color-scheme: dark" in text
    colors = [set(re.findall(r"--(\w+):", block)) for block in re.findall(r":root \{([^}]*)\}", text)]
    assert colors[0] == colors[1]


# -- all styles


@pytest.mark.parametrize("style", STYLES)
def test_names_from_models_cannot_do_harm(style: str) -> None:
    text = render(style, [hostile()], [hostile()], HOSTILE, style == "text")
    text.encode("utf-8")
    allowed = re.sub(r"\x1b\[[0-9;]*m", "", text) if style == "text" else text
    assert not [char for char in allowed if not char.isprintable() and char != "\n"]
    if style == "github":
        assert len(text.splitlines()) == 1
    if style in ("json", "sarif"):
        json.loads(text)
    if style == "html":
        assert "<script" not in text
        Page(text)


@pytest.mark.parametrize("style", STYLES)
def test_every_code_can_be_shown_in_every_style(style: str) -> None:
    everything = [finding(code, "something is wrong") for code in CODES]
    text = render(style, everything, [], "", False)
    for code in CODES:
        assert code in text


@pytest.mark.parametrize("style", ["text", "concise", "github"])
def test_nothing_to_say_is_nothing(style: str) -> None:
    assert render(style, [], [], "model.pb", False) == ""


def test_documents_without_findings_are_still_documents() -> None:
    assert json.loads(render("json", [], [], "model.pb", False)) == []
    log: dict[str, Any] = json.loads(render("sarif", [], [], "model.pb", False))
    assert log["runs"][0]["results"] == []
