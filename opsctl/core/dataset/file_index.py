"""Find the sidecars and the T1w of an image among the files of a BIDS dataset."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from fnmatch import fnmatchcase

from opsctl.core.dataset.entities import BidsPath
from opsctl.core.dataset.scan import S3Object

#: `--t1w any-session`: use the subject's T1w of another session where the scan's session has none.
ANY_SESSION = "any-session"

GRADIENTS = (".bval", ".bvec")

#: The metadata of a bold series.
METADATA = ".json"

#: The folders in which an image lies beside its own sidecars.
_IMAGE_FOLDERS = ("/dwi", "/func")

BidsFile = tuple[BidsPath, S3Object]


class FileIndex:
    """The files that scans are made of, by suffix, folder and subject: of some subjects, or of a dataset's root.

    Parameters
    ----------
    t1w
        See `opsctl.core.dataset.discovery.Discoverer`.
    root
        The files at the dataset's root, which every scan inherits; None where they are added to this index itself.

    Attributes
    ----------
    other_images
        How many primary images of the other pipeline a session has, by its folder (empty outside sessions).
    """

    def __init__(self, t1w: str | None, *, root: FileIndex | None = None) -> None:
        self._t1w = t1w
        self._root = root
        self._by_suffix: dict[str, list[BidsFile]] = defaultdict(list)
        self._sidecars: dict[tuple[str, str], list[BidsFile]] = defaultdict(list)
        self._anatomical: dict[str, list[BidsFile]] = defaultdict(list)
        self._echoes: dict[frozenset[tuple[str, object]], set[object]] = defaultdict(set)
        self._misnamed: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._unusable: set[str] = set()
        self.other_images: Counter[str] = Counter()

    def add(self, path: BidsPath, obj: S3Object) -> None:
        """Add a parsed file."""
        suffix, extension = path.entities["suffix"], path.entities["extension"]
        if extension in (*GRADIENTS, METADATA):
            self._sidecars[path.folder, extension].append((path, obj))
        elif suffix == "T1w":
            self._anatomical[path.entities["subject"]].append((path, obj))
        else:
            self._by_suffix[suffix].append((path, obj))
            if "echo" in path.entities:
                self._echoes[_series(path)].add(path.entities["echo"])

    def pass_over(self, path: str, reason: str) -> None:
        """Note a file that was meant to be a T1w, as its name shows, but cannot be used."""
        self._misnamed[path.partition("/")[0]].append((path, reason))

    def add_unusable_image(self, path: str) -> None:
        """Note a primary image that its name or its content excludes: its sidecars have an image all the same."""
        self._unusable.add(path)

    def add_other_image(self, path: str) -> None:
        """Note a primary image of the other pipeline."""
        self.other_images[session_folder(path)] += 1

    def has_image(self) -> bool:
        """Whether there is a primary image, usable or not."""
        return bool(self._unusable) or any(self._by_suffix.values())

    def sessions_without_image(self) -> Set[str]:
        """The folders of the sessions that have some file and no primary image."""
        images = [path.path for files in self._by_suffix.values() for path, _ in files]
        anatomical = [path.path for files in self._anatomical.values() for path, _ in files]
        sessions = {*map(session_folder, anatomical), *self.other_images}
        return sessions - {"", *map(session_folder, (*images, *self._unusable))}

    def sidecars_without_image(self) -> Iterator[str]:
        """The sidecars that lie where an image of their name should lie, one path for those of one image."""
        stems = {_stem(path) for path in self._unusable}
        images: dict[str, list[BidsPath]] = defaultdict(list)
        for files in self._by_suffix.values():
            for path, _ in files:
                images[path.folder].append(path)
                stems.add(_stem(path.path))
        for (folder, extension), files in self._sidecars.items():
            if not folder.endswith(_IMAGE_FOLDERS):
                continue
            for sidecar, _ in files:
                stem = _stem(sidecar.path)
                fits = stem in stems or any(_fits(sidecar, image, extension) for image in images[folder])
                if not fits:
                    stems.add(stem)
                    yield sidecar.path

    def passed_over(self, image: BidsPath) -> list[tuple[str, str]]:
        """The files that were meant to be a T1w of the image's session, or of none: path and reason."""
        session = image.entities.get("session")
        of_subject = self._misnamed.get(f"sub-{image.entities['subject']}", [])
        return sorted((path, reason) for path, reason in of_subject if f"ses-{session}" in path or "ses-" not in path)

    def primary(self, suffixes: Sequence[str]) -> list[BidsFile]:
        """The primary images with one of the suffixes."""
        return [image for suffix in suffixes for image in self._by_suffix[suffix]]

    def sidecars(self, image: BidsPath, extension: str) -> list[BidsFile]:
        """Find an image's sidecars by BIDS's inheritance principle.

        A sidecar applies if it has no entity that the image lacks. The nearest folder upwards with such sidecars
        decides, and in it those that share most entities with the image: several only where they fit equally well.
        Of `run-1` and `run-01`, which are the same run, the one that is written as the image's is taken.
        """
        for folder in _upwards(image.folder):
            applicable = self._applicable(image, folder, extension)
            if applicable:
                most_pairs = max(len(path.pairs) for path, _ in applicable)
                nearest = [(path, obj) for path, obj in applicable if len(path.pairs) == most_pairs]
                return [file for file in nearest if set(file[0].pairs) <= set(image.pairs)] or nearest
        return []

    def metadata(self, image: BidsPath) -> list[BidsFile]:
        """An image's JSON sidecars: each inherits the fields of those before it and replaces what it names itself."""
        return [
            file
            for folder in reversed(_upwards(image.folder))
            for file in sorted(self._applicable(image, folder, METADATA), key=lambda file: len(file[0].pairs))
        ]

    def echoes(self, image: BidsPath) -> int:
        """How many echoes the series of a bold image has; 1 where it has no echo of its own."""
        return len(self._echoes.get(_series(image), ())) or 1

    def _applicable(self, image: BidsPath, folder: str, extension: str) -> list[BidsFile]:
        """The sidecars in a folder that have no entity which the image lacks."""
        if not folder and self._root is not None:
            return self._root._applicable(image, folder, extension)
        return [
            (path, obj) for path, obj in self._sidecars.get((folder, extension), ()) if _fits(path, image, extension)
        ]

    def t1w(self, image: BidsPath) -> list[BidsFile]:
        """The T1w images that the scan may use, the preferred one first."""
        subject, session = image.entities["subject"], image.entities.get("session")
        of_subject = self._anatomical.get(subject, [])
        usable = [file for file in of_subject if file[0].entities.get("session") == session]
        if self._t1w == ANY_SESSION:
            usable = usable or of_subject
        elif self._t1w is not None:
            usable = [file for file in usable if fnmatchcase(file[0].path.rsplit("/", 1)[-1], self._t1w)]
        return sorted(usable, key=lambda file: (file[0].entities.get("run", 0), file[0].path))

    def folders(self) -> Iterator[str]:
        """The subjects and sessions that have primary images, including images that are excluded later."""
        for images in self._by_suffix.values():
            for path, _ in images:
                subject = f"sub-{path.entities['subject']}"
                yield subject
                if "session" in path.entities:
                    yield f"{subject}/ses-{path.entities['session']}"


def session_folder(path: str) -> str:
    """The folder of a path's session, `ses-1`; empty outside sessions."""
    parts = path.split("/", 2)
    return parts[1] if len(parts) > 1 and parts[1].startswith("ses-") else ""


def _stem(path: str) -> str:
    """A path without its extension, in one case: an image with the ending `.NII` is there, and excluded."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}".lower()


def _fits(sidecar: BidsPath, image: BidsPath, extension: str) -> bool:
    """Whether a sidecar has no entity that an image lacks."""
    # Compare entities, not the parts of the name: `run-01` is `run-1`.
    image_entities = image.entities.items() - {("extension", image.entities["extension"])}
    return sidecar.entities.items() - {("extension", extension)} <= image_entities


def _upwards(folder: str) -> list[str]:
    """A folder and those above it, up to the dataset's root."""
    folders = [folder]
    while folder:
        folder = folder.rpartition("/")[0]
        folders.append(folder)
    return folders


def _series(path: BidsPath) -> frozenset[tuple[str, object]]:
    """What the echoes of one series have in common."""
    return frozenset((name, label) for name, label in path.entities.items() if name not in ("echo", "extension"))
