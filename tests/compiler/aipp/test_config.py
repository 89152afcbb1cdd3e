"""The description of image preprocessing: what parses, what does not, and where the error is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelc.aipp.config import from_text, parse_config, read_config
from modelc.diagnostics.diagnostic import Diagnostic, ModelcError

PLAIN = "aipp_op {\n  aipp_mode: static\n  input_format: RGB888_U8\n}\n"


def errors(text: str) -> list[Diagnostic]:
    with pytest.raises(ModelcError) as caught:
        parse_config(text, "a.cfg")
    return list(caught.value.diagnostics)


def test_a_description_is_read() -> None:
    (aipp,) = parse_config(
        "# a comment with aipp_op { in it\naipp_op {\n aipp_mode: static\n related_input_rank: 1\n"
        "input_format: YUV420SP_U8 csc_switch: true matrix_r0c0: 256 input_bias_0: 0\n"
        "mean_chn_0: 3 min_chn_0: 0.5 var_reci_chn_1: 2\n}"
    )
    assert (aipp.mode, aipp.format, aipp.integer("related_input_rank")) == ("static", "YUV420SP_U8", 1)
    assert aipp.matrix == (256, 0, 409, 298, -100, -208, 298, 516, 0)  # what is not given is the Graph Engine's own
    assert aipp.input_bias == (0, 128, 128)
    assert aipp.shifts == (3.5, 0, 0, 0)
    assert aipp.factors == (1, 2, 1, 1)


def test_what_an_artifact_holds_reads_back() -> None:
    (aipp,) = parse_config(PLAIN.replace("}", "min_chn_0: 0.1 crop: false }"))
    assert from_text(aipp.text()).given == aipp.given


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"nonsense": 1}', '{"crop": [1]}', '{"crop_size_w": "x"}', '{"mean_chn_0": 999}']
)
def test_other_json_is_no_preprocessing(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # what is said is json's own business
        from_text(text)


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        (PLAIN.replace("mode", "mod"), "2:3", "there is no setting `aipp_mod`; near: `aipp_mode`"),
        (PLAIN.replace("RGB888_U8", "RGB"), "3:", "RGB"),
        (PLAIN.replace("static", "static crop"), "3:", ""),
        (PLAIN + PLAIN.replace("static", "fixed"), "6:", "fixed"),
        (PLAIN.replace("}", "mean_chn_0: 1 mean_chn_0: 2 }"), "4:", "mean_chn_0"),
        (PLAIN.replace("}", ""), "3:17", "Expected `}`"),
        ("aipp_op { aipp_mode: undefined input_format: RGB888_U8 }", "1:11", "static or dynamic"),
        ("aipp_op { aipp_mode: static }", "1:1", "`input_format` must be given"),
        ("aipp_op { aipp_mode: dynamic }", "1:1", "needs `max_src_image_size`"),
        (PLAIN + PLAIN.replace("}", "crop: true crop_size_w: 4\n}"), "8:1", "`crop` needs `crop_size_h`"),
        (PLAIN.replace("}", "left_padding_size: -1 }"), "4:1", "cannot be negative"),
        (PLAIN.replace("}", "left_padding_size: 65536 }"), "4:1", "at most 65535"),
        (PLAIN.replace("}", "mean_chn_2: 256 }"), "4:1", "within 0 and 255"),
        (PLAIN.replace("}", "matrix_r0c0: 40000 }"), "4:1", "16 bits"),
        (PLAIN.replace("}", "var_reci_chn_0: 1e9 }"), "4:1", "65504"),
        (PLAIN.replace("}", "min_chn_0: nan }"), "4:1", "65504"),
        (PLAIN.replace("RGB888_U8", "YUV420SP_U8").replace("}", "src_image_size_w: 5 }"), "4:1", "must be even"),
        (PLAIN.replace("RGB888_U8", "YUV400_U8 csc_switch: true"), "3:27", "no colours"),
        ("", "", "no `aipp_op`"),
    ],
)
def test_errors_point_into_the_text(text: str, where: str, problem: str) -> None:
    found = errors(text)
    assert {d.code for d in found} == {"MC720"}
    assert any(d.message.startswith(where) and problem in d.message for d in found), [d.message for d in found]


def test_all_bad_values_are_told_at_once() -> None:
    text = PLAIN.replace("}", "mean_chn_0: 300\n mean_chn_1: 300\n crop: true }")
    assert len(errors(text)) == 4


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large").write_text("#" * (1 << 21), "utf-8")
    for name in ("absent", "binary", "large", "."):
        with pytest.raises(ModelcError) as caught:
            read_config(tmp_path / name)
        assert caught.value.diagnostics[0].code == "MC720"


WORDS = ["aipp_op", "{", "}", ":", "aipp_mode", "static", "crop", "true", "1", "-1", "1e99", '"', "#", "\n", "[", "x"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join) | st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert codes(text) <= {"MC720"}


def codes(text: str) -> set[str]:
    try:
        parse_config(text, "a.cfg")
    except ModelcError as error:
        return {d.code for d in error.diagnostics}
    return set()
