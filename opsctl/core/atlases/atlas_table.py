"""The table of neuroparc's atlases, and which of them a typed name selects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from opsctl.core.atlases.atlas import Atlas

VOXEL_SIZES = ("1mm", "2mm", "4mm")

#: Left out unless they are named: DS72784 fits in no job, DS16784 not in one of the csd model. The list is the same for
#: both models, so that a scan which is run again in a larger job asks m2g for the same.
_NOT_BY_DEFAULT = ("DS16784", "DS72784")


class AtlasTable:
    """neuroparc's atlases by name.

    Parameters
    ----------
    atlases
        In the order of their names.
    """

    def __init__(self, atlases: Iterable[Atlas]) -> None:
        self._by_name: Mapping[str, Atlas] = {atlas.name: atlas for atlas in atlases}

    @classmethod
    def parse(cls, text: str) -> AtlasTable:
        """Read `opsctl/neuroparc/atlases.tsv`."""
        header, *lines = (line.split("\t") for line in text.splitlines())
        rows = [dict(zip(header, line, strict=True)) for line in lines]
        return cls(
            Atlas(
                name=row["name"],
                regions={size: int(row[f"regions_{size}"]) for size in VOXEL_SIZES},
                kept={size: int(row[f"kept_{size}"]) for size in VOXEL_SIZES},
            )
            for row in rows
        )

    def __iter__(self) -> Iterator[Atlas]:
        return iter(self._by_name.values())

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Atlas:
        return self._by_name[name]

    @property
    def default(self) -> tuple[Atlas, ...]:
        """The atlases of a run without `--parcellation`."""
        return tuple(atlas for atlas in self if atlas.name not in _NOT_BY_DEFAULT)

    @property
    def not_by_default(self) -> tuple[Atlas, ...]:
        """The atlases that must be named."""
        return tuple(atlas for atlas in self if atlas.name in _NOT_BY_DEFAULT)

    def matching(self, name: str, voxel_size: str) -> tuple[Atlas, ...]:
        """The atlases that m2g selects for a name: those whose path contains it, upper and lower case told apart."""
        return tuple(atlas for atlas in self if name in atlas.path(voxel_size))
