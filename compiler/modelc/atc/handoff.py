"""The hand-off: an `.air` goes to CANN's atc, a device `.om` comes back, or findings that say why not."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import signal
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from modelc.atc.log import Message, Names, broken_install, findings, messages, read_log
from modelc.atc.process import HOME, Ended, Watch, find_atc, handed_on, run_atc
from modelc.backend import Artifact
from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, Severity, Sink, fail, finding
from modelc.frontends.frontend import Json, LoadOptions
from modelc.frontends.load import load

TARGET: Final = "air"  # what atc is given
KIND: Final = "device om"
TIMEOUT: Final = 4 * 3600.0  # seconds; kernels of large models take hours on small machines
_LAST: Final = 15  # lines of the log shown where no message is found in it


@dataclass(frozen=True, slots=True)
class Request:
    """What to build.

    Attributes:
        soc_version: The chip.
        atc: The program or its folder, empty to look for it.
        options: Further options of atc by name.
        timeout: Seconds atc may take.
    """

    soc_version: str
    atc: str = ""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout: float = TIMEOUT

    def check(self) -> None:
        """Refuse what atc would refuse at once.

        Raises:
            ModelcError: There is no chip, or an option is wrong.
        """
        if not self.soc_version:
            fix = Fix("name the chip as CANN does", "--soc-version Ascend310P3")
            raise fail("MC709", "atc must be told the chip that kernels are built for", fixes=[fix])
        handed_on(self.options)


@dataclass(slots=True)
class Handoff:
    """What came of it.

    Attributes:
        command: What was run, or has to be run where CANN is.
        program: The program, None where there is none.
        log: What atc printed, None where it did not run.
        ended: How it ended, None where it did not run.
        messages: The messages of atc.
        findings: What stands against the device model, and warnings.
        artifact: The device model, None where there is none.
    """

    command: list[str]
    program: Path | None = None
    log: Path | None = None
    ended: Ended | None = None
    messages: list[Message] = field(default_factory=list[Message])
    findings: list[Diagnostic] = field(default_factory=list[Diagnostic])
    artifact: Artifact | None = None

    def document(self) -> dict[str, Json]:
        """Return the hand-off as a JSON document; the findings are those of the compilation."""
        return {
            "command": shlex.join(self.command),
            "program": None if self.program is None else str(self.program),
            "status": None if self.ended is None else self.ended.status,
            "seconds": None if self.ended is None else self.ended.seconds,
            "log": None if self.log is None else str(self.log),
            "messages": [{"code": m.code, "text": m.text, "solution": m.solution} for m in self.messages],
            "artifact": None if self.artifact is None else str(self.artifact.path),
        }


def hand_off(air: Path, output: Path, request: Request, watch: Watch | None = None) -> Handoff:
    """Let atc build a device model from an `.air`; nothing is raised for what atc does or says.

    Args:
        air: What modelc compiled.
        output: Where the device model goes.
        request: What to build.
        watch: Called now and then while atc runs.

    Raises:
        ModelcError: The request is wrong, or nothing can be written beside the output.
    """
    request.check()
    program = find_atc(request.atc)
    result = Handoff(_command("atc", air, output.with_suffix(""), request), program)
    if program is None:
        result.findings.append(_not_found(result.command, air, request))
        return result
    log = output.with_suffix(".atc.log")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{output.stem}.atc-", dir=output.parent) as folder:
            _build(result, program, (air, output, log), request, Path(folder), watch)
    except OSError as error:
        raise fail("MC503", f"`{output}` cannot be made: {error.strerror or error}", file=str(output)) from error
    return result


def _command(program: str, air: Path, output: Path, request: Request) -> list[str]:
    fixed = ["--framework=1", f"--model={air}", f"--output={output}", f"--soc_version={request.soc_version}"]
    return [program, *fixed, *handed_on(request.options)]


def _not_found(command: Sequence[str], air: Path, request: Request) -> Diagnostic:
    where = f"at `{request.atc}`" if request.atc else f"in PATH or {HOME}"
    return finding(
        "MC701",
        f"there is no atc {where}: `{air}` is written, the device model is not",
        evidence=[("run where CANN is", shlex.join(command))],
        fixes=[
            Fix(f"copy `{air.name}` to a machine with CANN and run the command there"),
            Fix("where CANN is on this machine, source its set_env.sh, or name the program", "--atc=PATH"),
        ],
    )


# -- with atc


def _build(
    result: Handoff, program: Path, files: tuple[Path, Path, Path], request: Request, folder: Path, watch: Watch | None
) -> None:
    air, output, log = files
    made, work = folder / "made", folder / "work"
    made.mkdir()
    work.mkdir()
    result.command = _command(str(program), air.absolute(), made.absolute() / output.stem, request)
    result.log = log
    result.ended = run_atc(result.command, work, log, request.timeout, watch)
    text = read_log(log)
    result.messages = messages(text)
    names = _names(air) if result.messages else None
    result.findings = findings(result.messages, names, str(log))
    models = _models(made, output.stem)
    has_failed = result.ended.status != 0 or "ATC run failed" in text
    if has_failed or not models:
        # A message that would stop nothing by itself is no error either way; one that is shown explains the failure.
        result.findings += _failure(result, text, request, has_failed)
        return
    result.findings = [d for d in result.findings if d.severity is not Severity.ERROR]
    result.artifact = _placed(models[0], made, output, request)


def _names(air: Path) -> Names | None:
    """Return the ops of an `.air` by name, None where it cannot be read back."""
    try:
        return Names.of(load(air, LoadOptions(), Sink()))
    except ModelcError:
        return None


def _models(folder: Path, stem: str) -> list[Path]:
    """Return the device models in a folder: `NAME.om`, or with system and processor behind the name."""
    pattern = re.compile(re.escape(stem) + r"(?:_\w+)?\.om")
    return sorted((path for path in folder.iterdir() if pattern.fullmatch(path.name)), key=lambda path: len(path.name))


def _failure(result: Handoff, text: str, request: Request, has_failed: bool) -> list[Diagnostic]:
    """Return what is to be said besides the messages of atc."""
    ended, log = result.ended, str(result.log)
    assert ended is not None
    if ended.status is None:
        return [
            finding(
                "MC706",
                f"atc did not end within {request.timeout:g} seconds and was stopped",
                file=log,
                evidence=[("last lines", _tail(text))],
                fixes=[Fix("give it more time", f"--atc-timeout {request.timeout * 4:g}")],
            )
        ]
    install = broken_install(text)
    if install:
        fixes = [Fix("source CANN's set_env.sh in this shell, and install the Python packages that CANN lists")]
        return [finding("MC705", f"the installation of CANN is broken: {install}", file=log, fixes=fixes)]
    if ended.status < 0:
        name = signal.Signals(-ended.status).name if -ended.status in set(signal.Signals) else str(-ended.status)
        out_of_memory = [Fix("give the machine more memory: a process that is killed mostly ran out of it")]
        fixes = out_of_memory if name == "SIGKILL" else [Fix("check the versions of driver, firmware and CANN")]
        evidence = [("last lines", _tail(text))]
        return [finding("MC706", f"atc crashed with {name}", file=log, evidence=evidence, fixes=fixes)]
    if any(d.severity is Severity.ERROR for d in result.findings):
        return []
    if has_failed:
        evidence = [("last lines", _tail(text))]
        return [finding("MC704", f"atc failed with status {ended.status} and no message", file=log, evidence=evidence)]
    return [finding("MC707", "atc ended well and left no device model", file=log, evidence=[("log", _tail(text))])]


def _tail(text: str) -> str:
    return "\n".join([line for line in text.splitlines() if line.strip()][-_LAST:])


def _placed(model: Path, made: Path, output: Path, request: Request) -> Artifact:
    """Move the device model, and what belongs to it, from the folder atc wrote to beside the output."""
    for other in sorted(made.iterdir()):
        target = output.parent / other.name
        if other == model:
            continue
        if target.exists():
            raise fail("MC503", f"`{target}` is in the way of what atc left", file=str(target))
        shutil.move(other, target)
    digest = hashlib.sha256()
    with model.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    nbytes = model.stat().st_size
    os.replace(model, output)
    step = f"it holds kernels for {request.soc_version}: load it there with AscendCL"
    return Artifact(output, "om", KIND, digest.hexdigest(), nbytes, (step,))
