"""docs/decisions/0020: the page names every use of what version 6 of the AWS provider renames or deprecates."""

from __future__ import annotations

import re

from support.real_terraform import SOURCE

PAGE = (SOURCE.parent / "docs/decisions/0020-provider-6.md").read_text()
FILES = sorted(file for file in SOURCE.rglob("*.tf") if "tests" not in file.parts)
TYPE = re.compile(r'^(?:resource|data) "(aws_\w+)"', re.MULTILINE)

#: How an attribute is used in the code, of the resource types that the roots have, from HashiCorp's upgrade guide
#: (website/docs/guides/version-6-upgrade.html.markdown of the provider's repository) and its deprecations since.
CHANGED = {
    "aws_batch_compute_environment.compute_environment_name_prefix": r"\bcompute_environment_name_prefix\b",
    "aws_batch_compute_environment.compute_environment_name": r"\bcompute_environment_name\b",
    "aws_batch_job_queue.compute_environments": r"\bcompute_environments\s*=",
    "aws_launch_template.elastic_gpu_specifications": r"\belastic_gpu_specifications\b",
    "aws_launch_template.elastic_inference_accelerator": r"\belastic_inference_accelerator\b",
    "data.aws_region.name": r"\bdata\.aws_region\.\w+\.name\b",
    "data.aws_region.id": r"\bdata\.aws_region\.\w+\.id\b",
    "data.aws_s3_bucket.region": r"\bdata\.aws_s3_bucket\.\w+(?:\[0\])?\.region\b",
    "aws_s3_bucket.region": r"(?<!data\.)\baws_s3_bucket\.\w+(?:\[0\])?\.region\b",
    "aws_s3_bucket_*.expected_bucket_owner": r"\bexpected_bucket_owner\b",
    "provider.s3_us_east_1_regional_endpoint": r"\bs3_us_east_1_regional_endpoint\b",
    # Only true and false are taken from version 6 on.
    "aws_launch_template: 0 or 1 for a boolean": r'\b(?:delete_on_termination|encrypted|ebs_optimized)\s*=\s*"?[01]"?$',
}


def uses() -> dict[str, list[str]]:
    """The files that use each changed attribute; comments do not count."""
    code = {file: re.sub(r"#.*", "", file.read_text()) for file in FILES}
    found = {
        attribute: [str(file.relative_to(SOURCE)) for file in FILES if re.search(pattern, code[file], re.MULTILINE)]
        for attribute, pattern in CHANGED.items()
    }
    return {attribute: files for attribute, files in found.items() if files}


def test_the_page_names_every_use_of_what_changes() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| \w+: `\w+` \| (.+) \|$", PAGE, re.MULTILINE)
    assert {attribute: re.findall(r"`([^`]+)`", files) for attribute, files in rows} == uses()


def test_every_type_was_looked_up_in_the_guide() -> None:
    section = PAGE.split("so that a new one is looked up too:")[1].split("\n## ")[0]
    assert re.findall(r"`(aws_\w+)`", section) == sorted(
        {name for file in FILES for name in TYPE.findall(file.read_text())}
    )


def test_retry_actions_are_written_as_batch_returns_them() -> None:
    """The provider compares them as they are written, and else does not see a change of the timeout (#39443)."""
    source = (SOURCE / "modules/batch/job_definition.tf").read_text()
    actions = re.findall(r'^\s*action\s*=\s*"(\w+)"', source, re.MULTILINE)
    # Another number makes the provider deregister every revision before it registers the new one; Batch's most is five.
    assert len(actions) == 5
    assert {action for action in actions if action != action.lower()} == set()
