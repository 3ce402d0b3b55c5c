"""Fit a diffusion model, CSA or CSD, and find each voxel's fibre directions."""

from __future__ import annotations

from typing import Any

import numpy as np
from dipy.data import get_sphere
from dipy.direction import peaks_from_model
from dipy.reconst.csdeconv import ConstrainedSphericalDeconvModel, response_from_mask_ssst
from dipy.reconst.dti import TensorModel
from dipy.reconst.shm import CsaOdfModel

from opsctl.core.errors import ErrorCode, Problem

from .gradients import Gradients
from .progress import ProgressLog
from .volumes import Floats, Mask

#: CSD's response comes from single-fibre voxels: those above the first of these FA values with enough voxels.
_RESPONSE_FA = (0.7, 0.6, 0.5)
_RESPONSE_VOXELS = 10
#: Only voxels this near to the centre, as in DIPY's auto_response_ssst: the head's rim shows false anisotropy.
_RESPONSE_RADIUS = 10


def fractional_anisotropy(data: Floats, gradients: Gradients, mask: Mask) -> Floats:
    """Return the FA of a tensor fit; 0 outside the mask."""
    fit = TensorModel(gradients.table).fit(data, mask=mask)
    return np.where(mask, np.nan_to_num(fit.fa), 0).astype(np.float32)


def prepare(name: str, data: Floats, gradients: Gradients, *, fa: Floats, mask: Mask, log: ProgressLog) -> Any:
    """Return DIPY's model: `csa`, or `csd` with a response from the scan."""
    if name == "csa":
        return CsaOdfModel(gradients.table, sh_order_max=gradients.sh_order)
    response = _response(data, gradients, fa=fa, mask=mask, log=log)
    return ConstrainedSphericalDeconvModel(gradients.table, response, sh_order_max=gradients.sh_order)


def peaks(model: Any, data: Floats, gradients: Gradients, *, mask: Mask, log: ProgressLog) -> Any:
    """Return each voxel's peaks, with m2g's thresholds.

    Returns
    -------
    dipy.direction.peaks.PeaksAndMetrics
        Up to five directions a voxel, and the spherical harmonic coefficients.
    """
    fitted = peaks_from_model(
        model,
        data,
        get_sphere(name="repulsion724"),
        relative_peak_threshold=0.5,
        min_separation_angle=25,
        mask=mask,
        npeaks=5,
        normalize_peaks=True,
        sh_order_max=gradients.sh_order,
    )
    count = (fitted.peak_values[mask] > 0).sum(axis=1)
    log.remark(
        f"fitted in {int(mask.sum())} voxels: {count.mean():.2f} fibre directions a voxel, "
        f"{int((count > 1).sum())} voxels with more than one; median GFA {np.median(fitted.gfa[mask]):.2f}."
    )
    return fitted


def _response(data: Floats, gradients: Gradients, *, fa: Floats, mask: Mask, log: ProgressLog) -> Any:
    """Return the single-fibre response, from the scan's most anisotropic voxels."""
    centre = np.zeros_like(mask)
    middle = (size // 2 for size in mask.shape)
    centre[tuple(slice(max(0, index - _RESPONSE_RADIUS), index + _RESPONSE_RADIUS) for index in middle)] = True
    candidates = np.where(mask & centre, fa, 0)
    chosen = next(
        (candidates > level for level in _RESPONSE_FA if (candidates > level).sum() >= _RESPONSE_VOXELS), None
    )
    if chosen is None:
        chosen = (candidates > 0) & (candidates >= np.sort(candidates, axis=None)[-_RESPONSE_VOXELS])
    if not chosen.any():
        raise Problem(
            "No voxel is anisotropic: CSD has nothing to take its single-fibre response from.",
            code=ErrorCode.INPUT_INVALID,
        )
    response, ratio = response_from_mask_ssst(gradients.table, data, chosen)
    values = response[0]
    if not (np.isfinite(values).all() and values[0] > values[1] > 0 and response[1] > 0):
        raise Problem(
            "The scan's most anisotropic voxels give no single-fibre response for CSD.", code=ErrorCode.INPUT_INVALID
        )
    log.remark(
        f"CSD response from {int(chosen.sum())} voxels with FA of {candidates[chosen].min():.2f} or more: "
        f"diffusivities {values[0] * 1e3:.2f} and {values[1] * 1e3:.2f} x 10^-3 mm²/s, ratio {ratio:.2f}."
    )
    return response
