"""Which QA pictures of m2g's the report shows first."""

from __future__ import annotations

from opsctl.core.results.qa import is_qa, is_qa_picture, is_skull_strip, most_useful_first

#: The QA pictures of a dwi scan with two atlases, below `sub-0025427/ses-1`, as m2g 0.3.0 wrote them.
SKULL_STRIP = "qa_d/skull_strip/qa_skullstrip__sub-0025427_ses-1_T1w_reor_RAS_res.png"
REGISTERED = "_space-MNI152NLin6_res-4x4x4_reor_RAS_nores_aligned_atlas_2_nodif_B0_bet.png"
DWI = [
    "qa_d/graphs_plotting/sub-0025427_ses-1_dwi_Desikan_space-MNI152NLin6_res-4x4x4_connectome.png",
    "qa_d/graphs_plotting/sub-0025427_ses-1_dwi_JHU_space-MNI152NLin6_res-4x4x4_connectome.png",
    f"qa_d/reg/Desikan{REGISTERED}",
    f"qa_d/reg/JHU{REGISTERED}",
    "qa_d/reg/qa_fast.png",
    "qa_d/reg/t1w_aligned_mni_2_MNI152_T1_4mm_brain.png",
    "qa_d/reg/t1w_corpuscallosum_dwi_2_nodif_B0_bet.png",
    "qa_d/reg/t1w_csf_mask_dwi_2_nodif_B0_bet.png",
    "qa_d/reg/t1w_gm_in_dwi_2_nodif_B0_bet.png",
    "qa_d/reg/t1w_in_dwi_2_nodif_B0_bet.png",
    "qa_d/reg/t1w_vent_mask_dwi_2_nodif_B0_bet.png",
    "qa_d/reg/t1w_wm_in_dwi_2_nodif_B0_bet.png",
    SKULL_STRIP,
    "qa_d/tensor/Tractography_Model_Peak_Directions.png",
]


def of_scan(paths: list[str]) -> list[str]:
    return [f"s3://data/graph_study/derivatives/m2g/sub-0025427/ses-1/{path}" for path in paths]


def test_skull_strip_tissue_registration_and_one_atlas_come_first() -> None:
    ordered = most_useful_first(of_scan(DWI))
    first = [
        SKULL_STRIP,
        "qa_d/reg/qa_fast.png",
        "qa_d/reg/t1w_in_dwi_2_nodif_B0_bet.png",
        f"qa_d/reg/Desikan{REGISTERED}",
    ]
    assert ordered[:4] == of_scan(first)
    assert sorted(ordered) == of_scan(DWI)
    assert ordered[-2:] == of_scan(DWI[:2])


def test_the_atlas_is_the_one_of_the_connectome_that_is_shown() -> None:
    ordered = most_useful_first(of_scan(DWI), atlas="JHU_space-MNI152NLin6_res-4x4x4")
    assert ordered[3] == of_scan([f"qa_d/reg/JHU{REGISTERED}"])[0]
    ordered = most_useful_first(of_scan(DWI), atlas="Glasser_space-MNI152NLin6_res-4x4x4")
    assert ordered[3] == of_scan([f"qa_d/reg/Desikan{REGISTERED}"])[0]


def test_a_scan_that_failed_early_has_what_there_is() -> None:
    early = [path for path in DWI if "t1w_in_dwi" not in path and "aligned_atlas" not in path]
    assert most_useful_first(early)[:3] == [
        SKULL_STRIP,
        "qa_d/reg/qa_fast.png",
        "qa_d/reg/t1w_aligned_mni_2_MNI152_T1_4mm_brain.png",
    ]
    assert most_useful_first([]) == []


def test_functional_pictures_are_c_pacs() -> None:
    func = [
        "qa_f/carpet_a/x.png",
        "qa_f/mean_func_with_mni_edge_a/x.png",
        "qa_f/mni_normalized_anatomical_a/x.png",
        "qa_f/skullstrip_vis_a/x.png",
        "qa_f/snr_a/x.png",
    ]
    assert most_useful_first(func)[:2] == [func[3], func[2]]
    assert [is_skull_strip(path) for path in func] == [False, False, False, True, False]


def test_what_is_a_qa_picture() -> None:
    assert all(is_qa(path) and is_qa_picture(path) for path in DWI)
    assert is_qa("sub-1/log_f/pypeline.log") and not is_qa_picture("sub-1/log_f/a.png")
    assert not is_qa("sub-1/dwi/fiber/streamlines.trk") and not is_qa_picture("sub-1/qa_d/reg/x.nii.gz")
