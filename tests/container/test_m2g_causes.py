"""Why m2g failed, by what it printed: each known failure has its code, and every failure m2g's own reason."""

from __future__ import annotations

import json

import pytest
from m2g_job import last_words, m2g, m2g_failure, memory
from support.core_examples import run as made_run
from support.job_world import World

from opsctl.core.diagnosis.causes import cause_of
from opsctl.core.diagnosis.reason import Reason
from opsctl.core.diagnosis.why import failure
from opsctl.core.runs.result import Result


def traceback(*frames: str, exception: str) -> str:
    lines = [f'  File "/usr/local/lib/python3.7/dist-packages/m2g/{frame}\n    some(code)' for frame in frames]
    return "\n".join(["Traceback (most recent call last):", *lines, exception])


MAIN = ('scripts/m2g_bids.py", line 432, in main', 'scripts/m2g_dwi_pipeline.py", line 172, in m2g_dwi_worker')
RUN = ('utils/gen_utils.py", line 487, in run', '../subprocess.py", line 512, in run')
GRADIENTS = (
    "ValueError: WARNING: Encountered potentially corrupted bval/bvecs. Check to ensure volumes with a diffusion "
    "weighting are not being treated as B0's along the bvecs"
)
WRAPPER = "subprocess.CalledProcessError: Command 'bet a b -m -f 0.2' returned non-zero exit status {}."
FSLDIR = (
    traceback('utils/gen_utils.py", line 456, in check_dependencies', exception="KeyError: 'FSLDIR'"),
    "During handling of the above exception, another exception occurred:",
)
FSL = (
    "AssertionError: You do not have FSL installed! See installation instructions here: "
    "https://fsl.fmrib.ox.ac.uk/fsl/fslwiki/FslInstallation"
)
AFNI = (
    "AssertionError: You do not have AFNI installed! See installation instructions here: "
    "https://afni.nimh.nih.gov/pub/dist/doc/htmldoc/background_install/main_toc.html"
)
WHICH = "subprocess.CalledProcessError: Command 'which afni' returned non-zero exit status 1."
TMP = "FileNotFoundError: [Errno 2] No such file or directory: '/output/sub-1/ses-1/tmp/transformed_sagittal.png'"
BRAIN = "FileNotFoundError: No such file or no access: '/output/sub-1/ses-1/anat_d/preproc/t1w_brain.nii.gz'"
PAIRS = "ValueError: No pairs found for BIDS Layout: ...b76a7a530763_4/input | Subjects: 0 | Sessions: 0 | Runs: 0"
PEAKS = "OSError: [Errno 30] Read-only file system: '/Tractography_Model_Peak_Directions.png'"
DENIED = "PermissionError: [Errno 13] Permission denied: '/root/.m2g/cpac_script.sh'"
UMAP = "ModuleNotFoundError: No module named 'umap'"
ALLOCATE = (
    "numpy.core._exceptions.MemoryError: Unable to allocate 36.8 GiB for an array with shape (70263, 70263) and data "
    "type float64"
)
CPAC = """201023-22:09:34,157 nipype.workflow ERROR:
\t could not run node: resting_preproc_sub-1_ses-1.resampled_template_brain_for_anat
201023-22:09:34,158 nipype.workflow INFO:
\t crashfile: /output/sub-1/ses-1/crash/crash-20201023-220934-root-resampled.pklz

Error of subject workflow resting_preproc_sub-1_ses-1

CPAC run error:

    Pipeline configuration: m2g
    System time of start:      2020-10-23 22:09:14

                Functional Pipeline completed!"""

#: What m2g prints, its exit code; the code, the reason that is shown, and a fact of the cause.
FAILURES = [
    (traceback(*MAIN, exception=GRADIENTS), 1, "gradients_corrupt", GRADIENTS, {}),
    (traceback(*MAIN[:1], exception="ValueError: No valid parcellations found."), 1, "atlas_not_found",
     "ValueError: No valid parcellations found.", {}),
    (traceback(*MAIN[:1], exception=PAIRS), 1, "scan_not_recognized", PAIRS, {}),
    (traceback(*MAIN[:1], 'utils/gen_utils.py", line 138, in get_files',
               exception="ValueError: too many values to unpack (expected 3)"), 1, "scan_not_recognized",
     "ValueError: too many values to unpack (expected 3)", {}),
    (traceback(*MAIN, exception="ValueError: too many values to unpack (expected 3)"), 1, "m2g_failed",
     "ValueError: too many values to unpack (expected 3)", {}),
    (traceback(*MAIN, 'register.py", line 63, in direct_streamline_norm', exception=TMP), 1, "dsn_folder_missing",
     TMP, {}),
    (traceback(*MAIN, 'register.py", line 296, in check_gen_tissue_files', exception=BRAIN), 1,
     "registration_missing", BRAIN, {}),
    (traceback(*MAIN, 'register.py", line 240, in gen_tissue', exception=BRAIN), 1, "m2g_failed", BRAIN, {}),
    ("\n".join([*FSLDIR, traceback(*MAIN[:1], exception=FSL)]), 1, "m2g_tool_missing", FSL, {"tool": "FSL"}),
    ("\n".join([traceback(*RUN, exception=WHICH), FSLDIR[1], traceback(*MAIN[:1], exception=AFNI)]), 1,
     "m2g_tool_missing", AFNI, {"tool": "AFNI"}),
    ("Running shell command: bet a b -m -f 0.2\n/bin/sh: 1: bet: not found\n"
     + traceback(*MAIN, *RUN, exception=WRAPPER.format(127)), 1, "m2g_tool_missing", "/bin/sh: 1: bet: not found",
     {"tool": "bet"}),
    ("/bin/bash: line 1: 3dSkullStrip: command not found\n" + traceback(*RUN, exception=WRAPPER.format(127)), 1,
     "m2g_tool_missing", "/bin/bash: line 1: 3dSkullStrip: command not found", {"tool": "3dSkullStrip"}),
    ("/bin/sh: 1: .: Can't open /venv/bin/activate\n" + traceback(*RUN, exception=WRAPPER.format(2)), 1,
     "m2g_tool_missing", "/bin/sh: 1: .: Can't open /venv/bin/activate", {"tool": "/venv/bin/activate"}),
    (traceback('stats/qa_tensor.py", line 9, in <module>', exception=UMAP), 1, "m2g_broken", UMAP, {}),
    (traceback(*MAIN, exception=PEAKS), 1, "read_only_root", PEAKS, {}),
    (traceback(*MAIN, exception=DENIED), 1, "read_only_root", DENIED, {}),
    (CPAC, 0, "cpac_failed", "could not run node: resting_preproc_sub-1_ses-1.resampled_template_brain_for_anat",
     {"node": "resting_preproc_sub-1_ses-1.resampled_template_brain_for_anat"}),
    (traceback(*MAIN, 'graph.py", line 168, in make_graph', exception=ALLOCATE), 1, "out_of_memory", ALLOCATE,
     {"allocation_mib": 37683, "sure": "certain"}),
    ("sh: line 1: 117 Killed bet\n/bin/sh: line 3: 118 Killed\n" + traceback(*RUN, exception=WRAPPER.format(137)), 1,
     "out_of_memory", "/bin/sh: line 3: 118 Killed", {"sure": "likely"}),
    # m2g's wrapper names the command; what the command said stands above the traceback.
    ("Running shell command: bet a b\nImage Exception : #22 :: ERROR: Could not open image /output/a\n"
     "terminate called after throwing an instance of 'RBD_COMMON::BaseException'\nAborted\n"
     + traceback(*MAIN, *RUN, exception=WRAPPER.format(134)), 1, "m2g_failed",
     "Image Exception : #22 :: ERROR: Could not open image /output/a", {}),
    # A command that printed nothing: what an earlier one printed is not its reason.
    ("an earlier line\nRunning shell command: bet a b -m -f 0.2\n" + traceback(*RUN, exception=WRAPPER.format(1)), 1,
     "m2g_failed", WRAPPER.format(1), {}),
    ("m2g: error: unrecognized arguments: --filtering_type", 2, "m2g_failed",
     "m2g: error: unrecognized arguments: --filtering_type", {}),
]  # fmt: skip


def tail(text: str) -> tuple[str, ...]:
    """The lines as the runner keeps them."""
    return tuple(line.rstrip() for line in text.splitlines() if line.strip())


@pytest.mark.parametrize(("text", "exit_code", "code", "reason", "facts"), FAILURES)
def test_each_known_failure_has_its_code_and_its_own_words(
    text: str, exit_code: int, code: str, reason: str, facts: dict[str, object]
) -> None:
    ended = m2g.M2gExit(exit_code, 61.2, 15100, tail(f"m2g runs\n{text}\n"))
    fault = m2g_failure.fault(ended) if exit_code else m2g_failure.known_fault(ended)
    assert fault is not None
    assert fault.cause_code == code
    assert fault.facts["reason"] == reason
    assert {name: fault.facts[name] for name in facts} == facts
    assert str(fault).endswith(f": {reason}")


def test_what_a_command_printed_stands_above_the_first_of_its_tracebacks() -> None:
    chained = "\n".join([traceback(*MAIN, exception=PEAKS), FSLDIR[1], traceback(*RUN, exception=WRAPPER.format(1))])
    assert last_words.reason(tail(f"the command's own line\n{chained}")) == "the command's own line"


def test_lines_after_a_traceback_do_not_hide_it() -> None:
    lines = tail(f"a\n{traceback(*MAIN, exception=GRADIENTS)}\nresource_tracker: There appear to be 4 leaked objects")
    assert last_words.reason(lines) == GRADIENTS


def test_an_earlier_traceback_that_m2g_went_on_from_is_not_the_reason() -> None:
    text = "\n".join([traceback(*MAIN, exception=PEAKS), "going on"] + ["line"] * 20 + [traceback(*RUN, exception=TMP)])
    assert last_words.reason(tail(text)) == TMP
    assert not any("Read-only" in line for line in last_words.telling_lines(tail(text)))


def test_an_m2g_that_printed_nothing_has_no_reason() -> None:
    assert last_words.reason(()) == ""
    assert str(m2g_failure.fault(m2g.M2gExit(3, 1.0, 1, ()))) == "m2g ended with exit code 3 after 1 s"


def test_an_allocation_is_named_and_no_memory_is_promised_that_no_job_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "limit_mib", lambda: 15200)
    fault = m2g_failure.fault(m2g.M2gExit(1, 61.2, 12700, tail(traceback(*MAIN, exception=ALLOCATE))))
    assert str(fault).startswith("m2g ran out of memory after 61 s, when it asked for 36.8 GiB more: its processes")
    reason = Reason(fault.cause_code, str(fault), fault.facts)
    (finding,) = failure(reason, run=made_run(resources="csd"), memory_mib=15200, is_spot=False)
    assert finding.what == (
        "Its processes together had reached 12,700 of 15,200 MiB when it asked for 37,683 MiB more."
    )
    assert (finding.sure, "--memory" in finding.do) == ("certain", False)
    smaller = Reason(fault.cause_code, "", {**fault.facts, "allocation_mib": 4044})
    assert "--memory 30400" in cause_of(smaller).help


@pytest.mark.parametrize(("exit_code", "sure"), [(-9, "likely"), (137, "likely")])
def test_a_kill_that_nobody_counted_is_only_likely_a_lack_of_memory(exit_code: int, sure: str) -> None:
    fault = m2g_failure.fault(m2g.M2gExit(exit_code, 61.2, 12700, ()))
    reason = Reason(fault.cause_code, str(fault), fault.facts)
    (finding,) = failure(reason, run=made_run(resources="csd"), memory_mib=15200, is_spot=False)
    assert finding.sure == sure
    counted = m2g_failure.fault(m2g.M2gExit(exit_code, 61.2, 12700, (), 1))
    assert counted.facts["sure"] == "certain"


def test_a_job_says_the_reason_of_a_long_traceback(world: World) -> None:
    text = "/bin/sh: 1: bet: not found\n" + traceback(*(MAIN * 30), *RUN, exception=WRAPPER.format(127))
    fake = world.folder / "fake_m2g.py"
    fake.write_text(
        fake.read_text().replace(
            "if mode in LAST_LINES:\n", f"if mode in LAST_LINES:\n        print({text!r})\n        sys.exit(1)\n"
        )
    )
    assert world.run(OPSCTL_FAKE_M2G="exit-1")[0] == 1
    result = Result.decode(json.dumps(world.result()).encode(), world.result_uri)
    assert (result.cause_code, result.facts["tool"]) == ("m2g_tool_missing", "bet")
    assert result.cause.endswith(": /bin/sh: 1: bet: not found")


def test_c_pac_that_fails_behind_exit_code_0_is_named(world: World) -> None:
    fake = world.folder / "fake_m2g.py"
    fake.write_text(
        fake.read_text().replace('if mode == "nothing":\n', f'if mode == "nothing":\n        print({CPAC!r})\n')
    )
    assert world.run(OPSCTL_FAKE_M2G="nothing")[0] == 1
    assert world.result()["cause_code"] == "cpac_failed"
    assert world.result()["cause"].startswith(
        "m2g ended with exit code 0 and left no connectome that is not empty; it printed: could not run node: resting"
    )
