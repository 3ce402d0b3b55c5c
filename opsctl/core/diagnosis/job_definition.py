"""A job definition's revision, and why SubmitJob would refuse it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class JobDefinition:
    """A revision as Batch describes it.

    Attributes
    ----------
    name
        With the revision: `opsctl-m2g-csd:3`.
    is_active
        False once it was deregistered: Batch still shows it for a while, and takes no job with it.
    image
        What its jobs run.
    """

    name: str
    is_active: bool
    image: str | None


def definition_fault(definition: JobDefinition | None, *, arn: str) -> str:
    """Why no job can be submitted with a platform's job definition, as a sentence; empty where one can.

    Parameters
    ----------
    definition
        None where Batch no longer has it.
    arn
        Of the revision that the platform's record names.
    """
    name = arn.rpartition("/")[2]
    if definition is None:
        return f"The job definition {name} of the platform does not exist any more."
    return "" if definition.is_active else f"The job definition {name} of the platform is deregistered."
