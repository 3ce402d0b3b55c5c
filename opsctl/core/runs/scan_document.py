"""A scan's JSON: everything that its job needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opsctl.core.atlases.atlas import Atlas
from opsctl.core.dataset.scan import Input, Scan
from opsctl.core.platform.platform import ModelResources
from opsctl.core.record import SCHEMA_VERSION
from opsctl.core.runs.m2g_options import M2gOptions, option_arguments, scan_argv
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.registration import Registration


class ScanDocuments:
    """The JSONs of a run's scans. What the scans of a pipeline share is computed once: a run may have 100,000.

    Parameters
    ----------
    atlases
        Those of `options.parcellation`.
    job
        The resources of the run's jobs; those that the run itself names take precedence.
    image_digest
        `sha256:…` of the run's image; None where unknown.
    """

    def __init__(
        self,
        options: M2gOptions,
        *,
        run: Run,
        atlases: Sequence[Atlas],
        job: ModelResources,
        image_digest: str | None = None,
    ) -> None:
        self._options = options
        self._run = run
        self._atlases = atlases
        self._job = job
        self._image_digest = image_digest
        # By pipeline: the arguments of m2g and the fields that are the same in all JSONs.
        self._shared: dict[str, tuple[list[str], dict[str, Any]]] = {}

    def document(self, scan: Scan, index: int, *, registration: Registration | None = None) -> dict[str, Any]:
        """The JSON of one scan; some values are shared with the other scans' JSONs.

        Parameters
        ----------
        registration
            The earlier files that the job builds on; None where it makes its own.
        """
        if scan.pipeline not in self._shared:
            self._shared[scan.pipeline] = self._of_pipeline(self._options.for_pipeline(scan.pipeline))
        arguments, shared = self._shared[scan.pipeline]
        run = self._run
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": run.run_id,
            "index": index,
            "dataset": run.dataset,
            "dataset_version": run.dataset_version,
            "dataset_doi": run.dataset_doi,
            "opsctl_version": run.opsctl_version,
            "scan": {
                "name": scan.name,
                "subject": scan.subject,
                "session": scan.session,
                "entities": dict(scan.entities),
            },
            "inputs": [_input_json(file) for file in scan.inputs],
            **shared,
            "argv": scan_argv(scan.pipeline, arguments, subject=scan.subject, session=scan.session),
            "reuse": registration.as_json() if registration else None,
            "image": run.image,
            "image_digest": self._image_digest,
            "output": f"{run.output}/{scan.name}",
            "key": run.keys[index],
        }

    def _of_pipeline(self, options: M2gOptions) -> tuple[list[str], dict[str, Any]]:
        job, run = self._job, self._run
        job_options = options.for_job(vcpus=run.vcpus or job.vcpus, memory_mib=run.memory_mib or job.memory_mib)
        atlases = [_atlas_json(atlas, options) for atlas in self._atlases]
        return option_arguments(job_options), {"m2g": options.as_dict(), "atlases": atlases}


def _input_json(file: Input) -> dict[str, Any]:
    return {"uri": file.uri, "role": file.role, "size_bytes": file.size_bytes, "etag": file.etag}


def _atlas_json(atlas: Atlas, options: M2gOptions) -> dict[str, Any]:
    size = options.voxelsize
    return {
        "name": atlas.name,
        "argument": atlas.argument,
        "folder": atlas.folder(size),
        "regions": atlas.regions[size],
        # Only m2g's own registration (dwi) drops labels; C-PAC takes the atlas as it is.
        "kept": atlas.kept[size] if options.pipeline == "dwi" else atlas.regions[size],
    }
