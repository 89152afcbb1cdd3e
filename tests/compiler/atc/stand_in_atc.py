"""A stand-in for CANN's atc: it builds nothing, it takes the options of atc and says what atc is documented to say.

What it plays is named by the environment variable STAND_IN_ATC.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

START = "ATC start working now, please wait for a moment."
DONE = "ATC run success, welcome to the next use."
FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information"
TRACE = "        TraceBack (most recent call last):\n        build graph failed, graph id:0, ret:-1[FUNC:BuildModel]"


def fail(*lines: str, status: int = 255) -> int:
    print(FAILED, *lines, sep="\n")
    return status


def write(output: str, text: str = "stand-in for a device model") -> None:
    Path(f"{output}.om").write_text(text, "utf-8")


def play(role: str, options: dict[str, str]) -> int:
    print(START, flush=True)
    op = os.environ.get("STAND_IN_ATC_OP", "")
    if role == "success":
        print("W11001: Op [" + op + "] does not hit the high-priority operator information library,")
        print("        which might result in compromised performance.")
        Path("kernel_meta").mkdir()  # the real one leaves such things in its working folder
        write(options["--output"])
        print(DONE)
        return 0
    if role == "platform-suffix":
        write(f"{options['--output']}_linux_x86_64")
        return 0
    if role == "argument":
        return fail(
            "E10001: [PID: 4711] 2024-05-01-10:00:00.123.456 Value [1,-1] for parameter [input_shape] is invalid. "
            "Reason: maximum dims is not set.",
            "        Solution: Try 'atc --help' for more information.",
            TRACE,
        )
    if role == "parser":
        return fail(
            f"E19010: No parser is registered for Op [{op}, optype [ai.onnx::17::Conv]].",
            "        Solution: Check the version of atc.",
            "E19010: No parser is registered for Op [other, optype [ai.onnx::17::Conv]].",
            TRACE,
        )
    if role == "kernel":
        return fail(
            f"EZ3002: Optype [Conv2D] of Ops kernel [AIcoreEngine] is unsupported. Reason: the op [{op}_fused_1]",
            "        has input 0 of dtype INT64.",
            TRACE,
        )
    if role == "type-only":
        return fail("EZ3003: No supported Ops kernel and engine are found for optype [MatMulV2].", TRACE)
    if role == "compile":
        return fail(
            f"E40021: Failed to compile Op [{op}]. (oppath: [Compile impl/relu.py failed], optype: [Relu])", TRACE
        )
    if role == "install":
        print("Traceback (most recent call last):\nModuleNotFoundError: No module named 'te_fusion'", file=sys.stderr)
        return fail()
    if role == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if role == "hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(os.environ["STAND_IN_ATC_PID"]).write_text(str(child.pid), "utf-8")
        time.sleep(600)
    if role == "mute":
        return 3
    if role == "no-output":
        print(DONE)
    if role == "noise":
        sys.stdout.buffer.write(bytes(range(256)) * 4096 + b"\nE10001: \xff\xfe broken\n" + b"E" * (1 << 20))
        return 1
    return 0


def main() -> int:
    options = dict(word.partition("=")[::2] for word in sys.argv[1:])
    missing = [name for name in ("--framework", "--model", "--output", "--soc_version") if name not in options]
    if missing or options["--framework"] != "1" or not Path(options["--model"]).is_file():
        return fail(f"E10004: Value for [{missing}] is empty.")
    return play(os.environ["STAND_IN_ATC"], options)


if __name__ == "__main__":
    sys.exit(main())
