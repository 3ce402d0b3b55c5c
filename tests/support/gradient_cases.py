"""Inputs whose bval and bvec are sound, odd or wrong; docs/inputs.md has the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from support.hostile_files import TABLES
from support.input_case import Case, fine, warning, wrong
from support.scan_files import VOLUMES, Inputs, Numbers, directions, text, with_change

CORRUPT = "Encountered potentially corrupted bval/bvecs"
UNIT = "The vectors in bvecs should be unit"


def _put(where: int | slice, direction: object) -> Callable[[Inputs], None]:
    def change(inputs: Inputs) -> None:
        inputs.vectors[where] = direction

    return change


def _at_b(value: float, direction: object) -> Callable[[Inputs], None]:
    def change(inputs: Inputs) -> None:
        inputs.bvals[20], inputs.vectors[20] = value, direction

    return change


def _longer(factor: float) -> Callable[[Inputs], None]:
    def change(inputs: Inputs) -> None:
        inputs.vectors[20] *= factor

    return change


def _low(inputs: Inputs) -> None:
    inputs.bvals[:2], inputs.vectors[:2] = 5, np.nan


def _columns(inputs: Inputs) -> None:
    inputs.bvec = text(inputs.vectors).encode()


def _zero_in_columns(inputs: Inputs) -> None:
    inputs.vectors[20] = 0
    _columns(inputs)


def _directions_cases() -> Iterator[Case]:
    for where in (0, 1, slice(0, 2)):
        yield fine(f"nan at b=0, {where}", with_change(_put(where, np.nan)))
    yield fine("one nan at b=0", with_change(_put(0, (np.nan, 0, 0))))
    yield fine("nan at b=5", with_change(_low))
    yield fine("a direction at b=0", with_change(_put(0, (0, 1, 0))))
    yield fine("a corrupt direction at b=0", with_change(_put(0, (100, 0, 0))))
    yield fine("bvec in columns", with_change(_columns))
    for where in (2, 20, -1, slice(30, 34)):
        yield wrong(f"nan of a weighted volume, {where}", "direction_invalid", with_change(_put(where, np.nan)))
        yield wrong(
            f"no direction of a weighted volume, {where}", "direction_invalid", with_change(_put(where, 0)), CORRUPT
        )
    yield wrong("one nan of a weighted volume", "direction_invalid", with_change(_put(7, (np.nan, 0, 1))))
    yield wrong("no direction, bvec in columns", "direction_invalid", with_change(_zero_in_columns), CORRUPT)
    yield fine("no direction at b=50", with_change(_at_b(50, 0)))
    yield wrong("no direction at b=51", "direction_invalid", with_change(_at_b(51, 0)), CORRUPT)
    yield warning("a component of 10", with_change(_put(20, (10, 0, 0))))
    yield warning("components of -100 and inf", with_change(_put(20, (-100, np.inf, 0))))
    yield fine("a direction of length 1.9", with_change(_longer(1.9)))
    yield fine("a direction of length 0.1", with_change(_longer(0.1)))
    yield wrong("a direction of length 2.1", "direction_invalid", with_change(_longer(2.1)), UNIT)
    for volumes in (26, 8, 4):
        yield warning(f"{volumes - 2} directions", with_change(lambda inputs: None, volumes=volumes))
    yield warning("27 directions", with_change(lambda inputs: None, volumes=29))
    yield fine("28 directions", with_change(lambda inputs: None, volumes=30))
    yield warning("opposite directions", with_change(_put(slice(21, 40), -directions(VOLUMES)[2:21])))


def lowest_b_value(value: float, *, direction: bool) -> Callable[[Inputs], None]:
    def change(inputs: Inputs) -> None:
        inputs.bvals[:2] = value
        inputs.vectors[:2] = directions(2) if direction else 0

    return change


def _b_values_cases() -> Iterator[Case]:
    def values(where: int | slice, value: float) -> Callable[[Inputs], None]:
        def change(inputs: Inputs) -> None:
            inputs.bvals[where] = value

        return change

    def hcp(inputs: Inputs) -> None:
        lowest_b_value(60, direction=True)(inputs)
        inputs.bvals[0], inputs.bvals[25:] = 55, 2000

    for value in (5, 50):
        yield fine(f"b=0 written as {value}", with_change(lowest_b_value(value, direction=False)))
    for value in (55, 60, 65, 100):
        yield warning(f"b=0 written as {value}, with directions", with_change(lowest_b_value(value, direction=True)))
        yield wrong(
            f"b=0 written as {value}, without",
            "direction_invalid",
            with_change(lowest_b_value(value, direction=False)),
            CORRUPT,
        )
    yield warning("b=0 written as 55 and 60, two shells", with_change(hcp))
    yield wrong("no b=0, 700", "b0_volume_missing", with_change(lowest_b_value(700, direction=True)))
    yield wrong("every volume is weighted", "b0_volume_missing", with_change(lowest_b_value(1000, direction=True)))
    yield fine("b=0 in the middle", with_change(values(slice(10, 12), 0)))
    yield wrong("b=0 only", "weighted_volume_missing", with_change(values(slice(None), 0)))
    yield wrong("b=5 only", "weighted_volume_missing", with_change(values(slice(None), 5)))
    for name, value in {"negative": -1000.0, "nan": np.nan, "infinite": np.inf}.items():
        yield wrong(f"a {name} b-value", "bval_invalid", with_change(values(20, value)))


def _texts_cases() -> Iterator[Case]:
    def each(change: Callable[[str], bytes], *roles: str) -> Callable[[], Inputs]:
        def apply(inputs: Inputs) -> None:
            for role in roles or ("bval", "bvec"):
                rows = inputs.bvals if role == "bval" else inputs.vectors.T
                setattr(inputs, role, change(text(rows)))

        return with_change(apply)

    def bvals(shape: Callable[[Numbers], Numbers]) -> Callable[[], Inputs]:
        return with_change(lambda inputs: setattr(inputs, "bval", text(shape(inputs.bvals)).encode()))

    one_row, no_number = "bval file should have one row", "could not convert string to float"
    yield fine("b-values as a column", bvals(lambda values: values[:, None]))
    yield wrong("b-values over two lines", "bval_invalid", bvals(lambda values: values.reshape(2, -1)), one_row)
    yield wrong("b-values over eight lines", "bval_invalid", bvals(lambda values: values.reshape(8, -1)), one_row)
    yield wrong(
        "the last b-values on a line of their own",
        "bval_invalid",
        each(lambda content: content.replace(" 1000\n", "\n1000\n").encode(), "bval"),
        "Wrong number of columns at line 2",
    )
    for name, change in {
        "commas": lambda content: content.replace(" ", ","),
        "commas and blanks": lambda content: content.replace(" ", ", "),
        "tabs": lambda content: content.replace(" ", "\t"),
        "CRLF": lambda content: content.replace("\n", "\r\n"),
        "CR": lambda content: content.replace("\n", "\r"),
        "blank last lines": lambda content: content + "\n \n\n",
        "blank lines between": lambda content: "\n" + content.replace("\n", "\n\n"),
        "no last line end": lambda content: content.rstrip("\n"),
        "blanks around": lambda content: " " + content.replace("\n", "  \n"),
        "comments": lambda content: "# from a scanner\n" + content,
        "exponents": lambda content: content.replace("1000", "1.0e+03"),
    }.items():
        yield fine(name, each(lambda content, change=change: change(content).encode()))
    empty = {"bval": "shapes do not correspond", "bvec": "bvec file should have three rows"}
    for role in ("bval", "bvec"):
        code = f"{role}_invalid"
        yield wrong(
            f"UTF-8 byte order mark, {role}", code, each(lambda c: b"\xef\xbb\xbf" + c.encode(), role), no_number
        )
        yield wrong(f"UTF-16, {role}", code, each(lambda c: c.encode("utf-16"), role), "'utf-8' codec can't decode")
        yield wrong(f"UTF-16 without a mark, {role}", code, each(lambda c: c.encode("utf-16-le"), role), no_number)
        yield wrong(f"semicolons, {role}", code, each(lambda c: c.replace(" ", ";").encode(), role), no_number)
        yield wrong(f"words, {role}", code, each(lambda c: b"not measured\n", role), no_number)
        yield wrong(f"blank, {role}", code, each(lambda c: b" \n", role), empty[role])
    yield wrong(
        "two rows of bvec",
        "bvec_invalid",
        each(lambda c: c[: c.rindex("\n", 0, -1) + 1].encode(), "bvec"),
        "three rows",
    )
    yield wrong(
        "four rows of bvec", "bvec_invalid", each(lambda c: (c + c.split("\n")[0]).encode(), "bvec"), "three rows"
    )
    yield wrong(
        "bvec cut off", "bvec_invalid", each(lambda c: c[:-30].encode(), "bvec"), "Wrong number of columns at line 3"
    )
    counts = "shapes do not correspond"
    yield wrong("a b-value too few", "gradient_counts_differ", bvals(lambda values: values[:-1]), counts)
    yield wrong("a b-value too many", "gradient_counts_differ", bvals(lambda values: np.append(values, 5)), counts)

    def fewer(inputs: Inputs) -> None:
        inputs.bvals, inputs.vectors = inputs.bvals[:-1], inputs.vectors[:-1]

    yield wrong("a volume too many", "volume_count_differs", with_change(fewer))


def _hostile_cases() -> Iterator[Case]:
    for name, content in TABLES.items():
        for role in ("bval", "bvec"):
            yield wrong(
                f"{name}, {role}",
                f"{role}_invalid",
                with_change(lambda inputs, role=role, content=content: setattr(inputs, role, content)),
            )


def gradient_cases() -> Iterator[Case]:
    yield from _directions_cases()
    yield from _b_values_cases()
    yield from _texts_cases()
    yield from _hostile_cases()
