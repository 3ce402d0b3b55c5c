"""The table of neuroparc's atlases, and which of them a typed name selects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from opsctl.core.atlases.atlas import Atlas
from opsctl.core.errors import UsageProblem

VOXEL_SIZES = ("1mm", "2mm", "4mm")

#: Left out unless they are named: DS72784 fits in no job, DS16784 not in one of the csd model. The list is the same for
#: both models, so that a scan which is run again in a larger job asks m2g for the same.
_NOT_BY_DEFAULT = ("DS16784", "DS72784")

_NEAR_NAMES = 4


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

    def select(self, names: Sequence[str], voxel_size: str) -> tuple[Atlas, ...]:
        """The atlases of a run, each once, in the order of the table.

        Parameters
        ----------
        names
            As typed: parts of paths. None selects the default atlases.

        Raises
        ------
        UsageProblem
            When one of the names selects no atlas.
        """
        if not names:
            return self.default
        selected: set[str] = set()
        for name in names:
            atlases = self.matching(name, voxel_size)
            if not atlases:
                raise UsageProblem(f"--parcellation {name} selects none of neuroparc's atlases.", self._advice(name))
            selected.update(atlas.name for atlas in atlases)
        return tuple(atlas for atlas in self if atlas.name in selected)

    def spelling(self, name: str) -> str:
        """The shortest spelling for `--parcellation` that selects the atlas of a name and no other one.

        It differs from the name where other names contain it: `Desikan` selects DesikanKlein too, `Desikan_` does not.
        A name that is not in the table, of another version of opsctl, stays as it is.
        """
        if name not in self:
            return name
        atlas = self[name]
        for spelling in (name, f"{name}_"):
            if self.matching(spelling, VOXEL_SIZES[0]) == (atlas,):
                return spelling
        return atlas.argument

    def _advice(self, name: str) -> str:
        """Names like the typed one, or where to find them."""
        by_lower_case = {atlas.name.lower(): atlas.name for atlas in self}
        typed = name.lower().strip("_")
        similar = [lower for lower in by_lower_case if typed in lower] or get_close_matches(typed, by_lower_case)
        if not similar:
            return "`opsctl parcellations` lists the names."
        near = ", ".join(self.spelling(by_lower_case[lower]) for lower in similar[:_NEAR_NAMES])
        return f"Similar names: {near}. Upper and lower case matter; `opsctl parcellations` lists all names."
