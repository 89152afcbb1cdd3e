"""The catalogue of codes. A code never changes its meaning; one that is no longer given is never reused.

Areas: 1 reading a source, 2 rules of the target, 3 types and lowering, 4 passes, options and plugins, 5 artifacts,
6 running and comparing, 7 CANN's atc and its image preprocessing, 9 our own faults.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One entry of the catalogue.

    Attributes:
        code: `MC203`.
        name: What is wrong, in kebab case: `unsupported-conv3d`.
        title: One line for lists.
        severity: `error`, `warning` or `note`, unless a finding says otherwise.
    """

    code: str
    name: str
    title: str
    severity: str = "error"


_TABLE = """
MC101 error   not-found                   the file or folder does not exist
MC102 error   empty-file                  the file has no bytes
MC103 error   unknown-format              the file is of no kind that can be read
MC104 error   not-a-saved-model           the folder holds no model
MC105 error   corrupt-file                the bytes do not parse as what they claim to be
MC106 error   truncated-file              the file ends before its contents do
MC107 error   unknown-signature           the SavedModel has no such signature
MC108 error   unknown-tag                 the SavedModel has no meta graph with such tags
MC109 error   cycle                       ops or functions depend on themselves
MC110 error   dangling-reference          an op names an input or function that does not exist
MC111 error   missing-weights             the values of a variable cannot be read
MC112 error   missing-shard               a shard of the checkpoint is missing or damaged
MC113 error   unsafe-path                 the model names a file outside of its own folder
MC114 error   no-outputs                  nothing in the graph can serve as an output
MC115 error   unknown-node                a named node does not exist in the graph
MC116 error   invalid-constant            a constant's bytes do not fit its type
MC117 error   duplicate-name              two nodes have one name
MC118 error   too-large                   the file declares more than can be held
MC120 note    default-signature           a signature was chosen because none was named
MC201 error   unsupported-input-dtype     an input has an element type that the target does not take
MC202 error   dynamic-input-shape         an input has a dimension without a value
MC203 error   input-rank                  an input has more dimensions than the target takes
MC204 error   five-dimensional-output     an op that changes shapes gives more dimensions than the target takes
MC205 error   zero-dimension              a tensor has a dimension of extent zero
MC206 error   training-op                 an op that only training needs is on the way to an output
MC207 error   quantized-model             the model computes on quantized numbers
MC208 error   unsupported-conv3d          a convolution or pooling in three dimensions
MC209 error   batch-with-batch-norm       a batch above one where a batch normalization remains
MC210 error   batch-norm-in-training      a batch normalization takes its statistics from the batch
MC211 error   unknown-op                  an op that the target does not know
MC212 error   dynamic-intermediate-shape  a tensor inside of the graph has a shape that depends on data
MC213 error   input-pipeline              an op that loads or decodes data is on the way to an output
MC214 error   unsupported-dtype           a tensor has an element type that the target cannot compute with
MC215 warning loss-op                     a loss function is part of the graph
MC216 warning random-op                   the result depends on random numbers
MC217 warning fake-quantization           fake quantization is executed as it stands, its ranges are not used
MC218 error   control-flow                control flow that could not be resolved
MC219 error   string-op                   an op on text or tables is on the way to an output
MC220 error   missing-kernel              the chip has no built-in kernel for an op
MC221 note    training-input              an input that only training needs was set to what inference uses
MC222 note    dropout-removed             dropout was left out, as inference does
MC223 note    unused-input                an input of unknown shape that nothing reads was dropped
MC224 note    narrowed-type               an op computes in fewer bits, which provably hold its numbers
MC225 note    kernels-found               the chip has kernels for the whole model
MC301 error   type-mismatch               operands do not fit their op
MC302 error   unsupported-form            an op is known, but not in this form
MC303 error   unknown-shape               a shape had to be known and is not
MC304 error   undefined-type              nothing determines the type of a value
MC305 error   invalid-ir                  the graph breaks a rule of the IR
MC306 error   variable-written            a variable changes during inference
MC307 error   unfrozen-variable           a variable without a value is on the way to an output
MC401 error   unknown-pass                there is no pass of that name
MC402 error   bad-option                  an option of a pass is unknown or has a bad value
MC403 error   bad-order                   a pass needs a fact that nothing before it gives
MC404 error   broken-plugin               a plugin could not be loaded
MC405 error   name-conflict               two distributions claim one name
MC406 error   bad-specification           a specification does not parse
MC407 error   unknown-input               a shape was given for an input that does not exist
MC408 error   shape-conflict              a given shape contradicts the model
MC409 error   no-convergence              rewriting did not come to an end
MC410 error   unknown-profile             there is no profile or chip of that name
MC411 error   bad-text                    text of the IR does not parse
MC412 error   unknown-target              there is no backend of that name
MC413 error   unknown-code                there is no finding of that code or name
MC414 error   bad-usage                   the command line does not parse
MC415 error   unknown-engine              there is no engine of that name
MC416 error   unknown-oracle              there is no oracle of that name for this source
MC501 error   bad-artifact                the file is not a sound artifact
MC502 error   foreign-artifact            an artifact of another family, which is not read
MC503 error   cannot-write                the output could not be written
MC504 error   unserializable              the graph holds something that the format cannot say
MC505 note    external-weights            the weights were written beside the artifact
MC506 error   device-artifact             the artifact was built for a device, and can only be inspected
MC507 error   no-checks                   no checks are known of files of that kind
MC510 error   no-onnx-form             an op has no form in ONNX
MC601 error   bad-inputs                  the given inputs do not fit the model
MC602 error   not-executable              the model holds an op that cannot be executed here
MC603 error   outputs-differ              the artifact computes something else than its source
MC604 error   oracle-unavailable          the framework that would execute the source is not installed
MC605 error   evaluation-failed           an op failed while it was executed
MC606 error   engine-unavailable          the engine that was asked for is not installed
MC607 error   numbers-changed             a pass changed what the model computes
MC608 error   nothing-to-reduce           the model does not fail in the way it is to be reduced for
MC621 warning low-overflow                an op meets numbers that lower precision does not have
MC622 warning low-underflow               an op gives zeros in lower precision where there were none
MC623 warning low-accuracy                an op loses accuracy in lower precision
MC624 warning unknown-kept-op             an op that was to keep its types does not exist
MC701 error   atc-not-found               CANN's atc, which builds device kernels, is not installed
MC702 error   atc-refused-argument        atc does not take an argument
MC703 error   atc-refused-op              atc cannot build an op
MC704 error   atc-refused-model           atc does not take the model
MC705 error   atc-environment             the installation of CANN is at fault, not the model
MC706 error   atc-stopped                 atc crashed, or did not end in time
MC707 error   atc-no-output               atc ended well and left no device model
MC708 warning atc-warning                 atc warns of something
MC709 error   no-soc-version              atc must be told the chip
MC710 error   unknown-atc-option          atc has no such option
MC711 error   bad-atc-value               an option of atc does not take that value
MC712 error   atc-option-conflict         options of atc exclude or need each other
MC713 error   unread-framework            a kind of source that is not compiled
MC714 warning atc-option-dropped          an option of atc asks for what is not done here
MC715 warning broken-quoting              a shell splits the command line in another way than was meant
MC720 error   bad-aipp-config             the description of image preprocessing does not parse
MC721 error   aipp-misfit                 image preprocessing does not fit the model's inputs
MC722 warning aipp-approximation          image preprocessing is emulated only approximately
MC723 error   aipp-not-emulated           image preprocessing of a kind that only a device does
MC901 error   internal-error              a fault of modelc itself
"""


def _parse(line: str) -> Code:
    code, severity, name, title = line.split(maxsplit=3)
    return Code(code, name, title, severity)


CODES: dict[str, Code] = {code.code: code for code in map(_parse, _TABLE.strip().splitlines())}
