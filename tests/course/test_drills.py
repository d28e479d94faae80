"""Drills: notations of two languages, a line for each part, no answer in a message, key points."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import IPython
import IPython.display
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.course import drills, sealed
from ragkit.course.drills import keypoints
from ragkit.course.drills.base import Choice, Constructed, Drill, Number, Sealed, Text
from ragkit.course.drills.properties import encode, word_overlap
from ragkit.course.drills.reading import Reading, UnclearError, word
from ragkit.course.layout import course_root, labs
from ragkit.course.plain import Opaque
from ragkit.course.staff import registry
from ragkit.course.verdict import Verdict

ROOT = course_root()
DRILLS = registry.drills()
NUMBERS = [
    (name, part) for name, one in DRILLS.items() for part in one.parts if isinstance(part, Number)
]
CHOICES = [
    (name, part) for name, one in DRILLS.items() for part in one.parts if isinstance(part, Choice)
]
LONG = (
    "What is asked here I would explain to a friend with small numbers on paper first, because "
    "whoever has followed them once can see what happens and why nothing else could."
)


def short(value: Any) -> str:
    """The name of a case: the answer without the reason, which is always the same."""
    return str(value).replace(repr(LONG), "…")


THREE = [(3, 3), (0.9, 0.3), (0.2, 0.01)]


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Drill]:
    """The drills as the students' bundle has them."""
    path = tmp_path_factory.mktemp("drills") / "drills.json"
    sealed.write_drills(DRILLS, path)
    return sealed.read_drills(path)


def both(bundled: dict[str, Drill], name: str, answer: Any) -> Verdict:
    """The verdict of the course, which is that of the bundle."""
    verdict = DRILLS[name].judge(answer)
    assert bundled[name].judge(answer) == verdict
    return verdict


# Notation: what is right in English or Spanish is right here

RIGHT = [
    ("01_1", (368_640, 0.352)),
    ("01_1", (368_640.0, 0.3515625)),
    ("01_1", ("368,640", "0.352 MiB")),
    ("01_1", ("368.640", "0,352")),
    ("01_1", ("368.640 bytes", "0,352 MiB")),
    ("01_1", ("368 640", "≈ 0.352 MiB")),
    ("01_1", ("368\u00a0640 bytes", "0.352")),
    ("01_1", ("368\u2009640 octetos", "~0,352 MiB")),
    ("01_1", ("368\u202f640", "aprox. 0,352 MiB")),
    ("01_1", ("368_640 B", "0.352 mebibytes")),
    ("01_1", ("360 KiB", 0.352)),
    ("01_1", ["0.36864 MB", "0,352 mebibytes"]),
    ("01_1", (np.int64(368_640), np.float32(0.3516))),
    ("01_1", np.array([368_640, 0.352])),
    ("01_1", np.array([[368_640], [0.352]])),
    ("01_1", torch.tensor([368_640, 0.352])),
    ("01_1", (np.array(368_640), np.array([0.352]))),
    ("01_1", (Fraction(368_640), Decimal("0.352"))),
    ("01_5", ("0.02", "uniforme", LONG)),
    ("01_5", ("τ = 0.02", "the uniform distribution", LONG)),
    ("01_5", ("tau=0,02", "distribución uniforme", LONG)),
    ("01_5", ("1/50", " Uniform. ", LONG)),
    ("01_5", (["0.02"], ["uniform"], [LONG])),
    ("02_1", (38.1, 45.3)),
    ("02_1", ("38.1 GiB", "45.3 GiB")),
    ("02_1", ("38,1 GiB", "45,3 GiB")),
    ("02_1", ("38,15", "45,2995 GiB")),
    ("02_1", (38.15, 45.30)),
    ("02_1", ("39 062.5 MiB", "46 386.7 MiB")),
    ("02_1", ("39.062,5 MiB", "46.386,7 MiB")),
    ("02_1", ("40.96 GB", "48,64 gigabytes")),
    ("02_2", (12, 1890)),
    ("02_2", ("12 windows", "1,890 tokens")),
    ("02_2", ("12 ventanas", "1.890 tokens")),
    ("02_2", ("12 sliding windows", "1890 tokens in all")),
    ("02_2", ("1.2e1", "1 890")),
    ("02_3", ((1, 0), THREE)),
    ("02_3", ([(1, 0), THREE],)),
    ("02_3", (("1", "0"), [("3", "3"), ("0,9", "0,3"), ("0,2", "0,01")])),
    ("02_3", ([[1], [0]], [[[3], [3]], [[0.9], [0.3]], [[0.2], [0.01]]])),
    ("02_3", (np.array([[1.0], [0.0]]), np.array(THREE))),
    ("02_4", (0.51, "efSearch", LONG)),
    ("02_4", (51, "ef_search", LONG)),
    ("02_4", ("51%", "efsearch", LONG)),
    ("02_4", ("51 %", "efSearch, of course", LONG)),
    ("02_4", ("51\u00a0%", "EFSEARCH.", LONG)),
    ("02_4", ("51 por ciento", "el ajuste efSearch", LONG)),
    ("02_4", ("about 51 percent", "efSearch", LONG)),
    ("02_4", ("0,51", "efSearch", LONG)),
    ("02_4", ("51/100", "efSearch", LONG)),
    ("02_4", ("51", "efSearch", LONG)),
    ("03_1", (800, 1, 7.2)),
    ("03_1", ("800 passes", "1 pass", "7.2 seconds")),
    ("03_1", ("800 pasadas", "1 pasada", "7,2 segundos")),
    ("03_1", ("800 forward passes", "1", "7200 ms")),
    ("03_1", ("800", "1", "0.12 min")),
    ("03_1", ("800", "1", "0,12 minutos")),
    ("03_1", ("800", "1", "7 200 milisegundos")),
    ("03_2", ("7/30", "0.877")),
    ("03_2", ("mrr@10 = 0,233", "ndcg@10 = 0,877")),
    ("03_2", ("23.3%", "87.7 %")),
    ("03_2", (0.2333, 0.8772)),
    ("03_3", (0.78, "no", LONG)),
    ("03_3", ("78%", "No.", LONG)),
    ("03_3", (78, False, LONG)),
    ("03_3", ("78 %", np.bool_(False), LONG)),
    ("03_3", ("0,78", "no, it need not", LONG)),
    ("03_3", ("0.78", "No necesariamente", LONG)),
    ("03_4", ("c", 1067, LONG)),
    ("03_4", ("(c)", "about 1000", LONG)),
    ("03_4", ("c)", "unas 1.000 preguntas", LONG)),
    ("03_4", ("C.", "≈ 1,100 questions", LONG)),
    ("03_4", (["c"], 1000, LONG)),
    ("03_4", ("(C) The data are compatible with both.", "1 066.67", LONG)),
    ("03_4", ("opción c", "3200/3", LONG)),
    ("04_1", ("2,38", "48 dimensiones efectivas")),
    ("04_1", ("100/42", "48 dimensions")),
    ("04_2", ("1,94", "92 %")),
    ("04_3", ("41%", "away from the question")),
    ("04_3", ("0,41", "la aleja")),
    ("04_5", ("epoch 3", "the others", LONG)),
    ("04_5", ("época 3", "otras preguntas", LONG)),
    ("04_5", ("3", "others", LONG)),
    ("04_5", ("3", "the test questions", LONG)),
    ("04_5", (3, "on unseen questions", LONG)),
    ("04_5", (3, "en preguntas nuevas", LONG)),
    ("01_5", ("0.02", "it tends towards the uniform distribution", LONG)),
    ("01_5", ("0,02", "tiende a la uniforme", LONG)),
    ("01_5", ("0,02", "Hacia la distribución uniforme.", LONG)),
    ("02_4", ("el 51 %", "solo efSearch", LONG)),
    ("02_4", ("only 0.51", "efSearch, not M", LONG)),
    ("03_1", ("800", "only 1", "7.2 s")),
    ("03_1", ("800", "solo 1", "7,2 s")),
    ("03_3", ("el 78 %", "no tiene por qué", LONG)),
    ("03_3", ("0.78", "It doesn't have to.", LONG)),
    ("03_4", ("Answer: c", 1067, LONG)),
    ("03_2", ("mrr@10: 0,233", "nDCG@10: 0,877")),
    ("02_1", ("plano: 38,1 GiB", "HNSW: 45,3 GiB")),
    ("04_1", ("2,38", "las 48")),
    ("04_3", ("0.41", "It pushes it away from the question")),
    ("04_3", ("0,41", "la empuja lejos de la pregunta")),
    ("04_3", ("41 %", "se aleja")),
]


@pytest.mark.parametrize(("drill", "answer"), RIGHT, ids=short)
def test_what_is_right_is_right_in_the_notations_of_both_languages(
    bundled: dict[str, Drill], drill: str, answer: Any
) -> None:
    verdict = both(bundled, drill, answer)
    assert verdict.status == "correct", verdict.message
    assert "✗" not in verdict.message


UNCLEAR = [
    ("02_1", ("38.147 GiB", 45.3), "38147 or as 38.147"),
    ("02_1", ("39.062 MiB", 45.3), "39062 or as 39.062"),
    ("02_1", ("39,062 MiB", 45.3), "39062 or as 39.062"),
    ("01_1", ("360.000 KiB", 0.352), "write 360000, or 360.0000"),
    ("03_1", (800, 1, "7.200"), "7200 or as 7.2"),
    ("03_1", (800, 1, "7.2 tokens"), "another unit"),
    ("03_1", (800, 1, "7.2 apples"), "'apples' is not understood"),
    ("03_2", ("0.233 MiB", 0.877), "plain number"),
    ("02_2", ("12%", 1890), "not understood"),
    ("02_2", ("twelve", 1890), "a whole number (windows)"),
    ("02_2", ("1.2.3", 1890), "cannot be read"),
    ("02_2", ("12, 13", 1890), "cannot be read"),
    ("02_2", (True, 1890), "a whole number (windows)"),
    ("02_2", ({12}, 1890), "a whole number (windows)"),
    ("02_2", (10**400, 1890), "too large"),
    ("03_2", ("7/0", 0.877), "zero"),
    ("03_3", (0.78, "perhaps", LONG), "write one of yes, no."),
    ("03_3", (0.78, "yes and no", LONG), "write one of yes, no."),
    ("03_4", ("e", 1067, LONG), "write one of a, b, c, d."),
    ("03_4", ("c, d", 1067, LONG), "write one of a, b, c, d."),
    ("03_4", ("not c", 1067, LONG), "write one of a, b, c, d."),
    ("04_3", (0.41, "not away"), "write one of towards, away."),
]


@pytest.mark.parametrize(("drill", "answer", "words"), UNCLEAR, ids=short)
def test_what_cannot_be_read_is_asked_for(
    bundled: dict[str, Drill], drill: str, answer: Any, words: str
) -> None:
    verdict = both(bundled, drill, answer)
    assert verdict.status == "incorrect"
    assert words in verdict.message
    assert verdict.message.count("✗") == 2  # the headline's and that of the part


def test_how_an_ambiguous_number_was_read_does_not_tell_whether_it_is_right() -> None:
    for text in ("38.147", "45.123"):  # the first is right if the point is a decimal one
        assert "can be read as" in DRILLS["02_1"].judge((text, 45.3)).message


# What is wrong is wrong, with a nudge

WRONG = [
    ("01_1", (92_160, 0.352), "how many numbers"),
    ("01_1", (737_280, 0.352), "float64"),
    ("01_1", (2_949_120, 0.352), "bits"),
    ("01_1", (368_640, 0.369), "megabytes"),
    ("01_1", (368_640, 360), "KiB"),
    ("01_1", (368_640, 0.35), "three decimals"),
    ("01_1", (368_641, 0.352), "size of the vectors"),
    ("01_5", (0.2, "uniform", LONG), "each of the two"),
    ("01_5", (0.02, "one-hot", LONG), "thousand"),
    ("01_5", ("uniform", 0.02, LONG), "write one of uniform, one-hot"),
    ("01_5", (0.02, "uniform", "short"), "20"),
    ("02_1", (40_960_000_000, 45.3), "in bytes"),
    ("02_1", (39_062.5, 45.3), "in MiB"),
    ("02_1", (41.0, 45.3), "gigabytes"),
    ("02_1", (76.3, 45.3), "float64"),
    ("02_1", (9.5, 45.3), "how many numbers"),
    ("02_1", (38.1, 38.1), "the flat index"),
    ("02_1", (38.1, 48.6), "gigabytes"),
    ("02_1", (38.1, 41.7), "bottom layer"),
    ("02_1", (38.1, 7.2), "graph alone"),
    ("02_1", (38.1, 99), "HNSW index in GiB"),
    ("02_2", (8, 1890), "without overlap"),
    ("02_2", (13, 1890), "where does the last"),
    ("02_2", (11, 1890), "lost"),
    ("02_2", (19, 1890), "how far apart"),
    ("02_2", (20, 1890), "how far apart"),
    ("02_2", (2, 1890), "first three"),
    ("02_2", (12, 1230), "more than once"),
    ("02_2", (12, 1920), "same length"),
    ("02_2", (12, 1950), "count the places"),
    ("02_2", (12, 1914), "add up"),
    ("02_4", (0.6, "efSearch", LONG), "index's recall"),
    ("02_4", (85, "efSearch", LONG), "exact search"),
    ("02_4", ("45%", "efSearch", LONG), "percentage points"),
    ("02_4", (0.1, "efSearch", LONG), "hundred questions"),
    ("02_4", (0.51, "M", LONG), "stored in the index"),
    ("03_1", (32, 1, 7.2), "batch"),
    ("03_1", (801, 1, 7.2), "on its own"),
    ("03_1", (1, 1, 7.2), "bi-encoder"),
    ("03_1", (800, 800, 7.2), "stored"),
    ("03_1", (800, 801, 7.2), "stored"),
    ("03_1", (800, 0, 7.2), "new"),
    ("03_1", (800, 1, 7200), "milliseconds"),
    ("03_1", ("1.000", 1, 7.2), "what is one input"),  # Spanish for 1000, not for 1
    ("03_2", (0.35, 0.877), "how many questions"),
    ("03_2", (0.286, 0.877), "mean rank"),
    ("03_2", (0.7, 0.877), "sum"),
    ("03_2", (0.233, 1.431), "DCG"),
    ("03_2", (0.233, 0.833), "steeply"),
    ("03_2", (0.233, 1), "best order"),
    ("03_3", (1.0, "no", LONG), "bring back"),
    ("03_3", ("93%", "no", LONG), "depth 50"),
    ("03_3", (0.78, True, LONG), "could reach"),
    ("03_3", (0.78, "sí", LONG), "could reach"),
    ("03_4", ("(a)", 1067, LONG), "both ends"),
    ("03_4", ("b.", 1067, LONG), "both ends"),
    ("03_4", ("d) 46%", 1067, LONG), "of what is p"),
    ("03_4", ("c", "about 400", LONG), "halve"),
    ("03_4", ("c", 800, LONG), "half-width"),
    ("03_4", ("c", 1300, LONG), "half-width"),
    ("04_1", (4, 48), "counts directions"),
    ("04_1", (0.42, 48), "upside down"),
    ("04_1", (0.24, 48), "doubled"),
    ("04_1", (2.38, 1), "opposite"),
    ("04_2", (0.19, 0.92), "become of τ"),
    ("04_2", (8.06, 0.92), "whole share"),
    ("04_2", (1.94, 0.18), "all three"),
    ("04_2", (1.94, 0.65), "cosines"),
    ("04_3", (0.59, "away"), "nobody"),
    ("04_3", (0.52, "away"), "together"),
    ("04_3", (0.01, "away"), "one other"),
    ("04_3", (0.41, "hacia"), "take this document for"),
    ("04_5", (4, "others", LONG), "last one"),
    ("04_5", (2, "others", LONG), "epoch 0"),
    ("04_5", (3, "the held-out ones", LONG), "used for"),
    ("04_5", (3, "held-out", LONG), "used for"),
]


@pytest.mark.parametrize(("drill", "answer", "words"), WRONG, ids=short)
def test_what_is_wrong_gets_a_nudge_on_its_own_part(
    bundled: dict[str, Drill], drill: str, answer: Any, words: str
) -> None:
    verdict = both(bundled, drill, answer)
    assert verdict.status == "incorrect"
    [line] = [line for line in verdict.message.splitlines()[1:] if "✗" in line and words in line]
    assert line


def test_every_known_mistake_is_tried_above() -> None:
    told = " ".join(DRILLS[drill].judge(answer).message for drill, answer, _ in WRONG)
    known = {one for _, part in (*NUMBERS, *CHOICES) for one in part.mistakes.values()}
    assert {sentence for sentence in known if sentence not in told} == set()


@pytest.mark.parametrize(("drill", "part"), NUMBERS, ids=lambda v: getattr(v, "label", v))
def test_no_known_mistake_is_taken_for_another(drill: str, part: Number) -> None:
    seen: dict[float, str] = {part.right: "right"}
    for value, sentence in part.mistakes.items():
        for other, meaning in seen.items():
            if meaning != sentence:
                assert abs(value - other) > part.tolerance(value) + part.tolerance(other), drill
        seen[value] = sentence


# A line for each part


def test_each_part_has_a_line_of_its_own() -> None:
    verdict = DRILLS["02_4"].judge((0.6, "efSearch", LONG))
    assert str(verdict).splitlines() == [
        "✗ incorrect: see the part marked ✗.",
        "  ✗ hit rate: that is the index's recall; does nothing else lose answers?",
        "  ✓ setting",
        f"  ✎ reason: {len(LONG.split())} words, for a person to read.",
    ]


@pytest.mark.parametrize("nothing", [None, ..., "", "  ", Opaque("ellipsis")], ids=repr)
def test_a_part_without_an_answer_is_no_mistake(bundled: dict[str, Drill], nothing: Any) -> None:
    verdict = both(bundled, "01_1", (368_640, nothing))
    assert verdict.message.endswith("✓ bytes\n  ○ MiB: not answered yet.")
    assert drills.check("01_1", (nothing, nothing)).status == "not attempted"
    assert drills.check("01_1", nothing).status == "not attempted"


@pytest.mark.parametrize("mib", ["360 KiB", "368640 bytes", "0.369 MB", "0,000344 GiB"])
def test_where_the_conversion_is_the_question_another_unit_is_refused(
    bundled: dict[str, Drill], mib: str
) -> None:
    verdict = both(bundled, "01_1", (368_640, mib))
    assert verdict.status == "incorrect"
    assert "✓ bytes" in verdict.message
    assert "MiB are asked for" in verdict.message


def test_a_part_that_is_left_away_is_not_answered_yet(bundled: dict[str, Drill]) -> None:
    verdict = both(bundled, "02_4", (0.51, "efSearch"))
    assert verdict.status == "not attempted"
    assert verdict.message.startswith("a part is not answered yet.")
    assert "✗" not in verdict.message


@pytest.mark.parametrize(
    "answer",
    [
        368_640,
        "many",
        {368_640, 0.352},
        {368_640: 1, 0.352: 2},
        iter((1, 2)),
        np.float64(3),
        print,
    ],
    ids=lambda value: type(value).__name__,
)
def test_another_form_is_answered_with_the_one_that_is_asked(
    bundled: dict[str, Drill], answer: Any
) -> None:
    verdict = both(bundled, "01_1", answer)
    assert verdict.status == "incorrect"
    assert verdict.message == "answer with (bytes, mib), in parentheses and in this order."


def test_too_many_entries_are_told(bundled: dict[str, Drill]) -> None:
    assert "3 entries" in both(bundled, "01_1", (368_640, 0.352, 1)).message
    assert "(query, [first" in both(bundled, "02_3", ((1, 0), *THREE)).message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (((1, 0), THREE[::-1]), "inner product"),
        (((1, 0), [THREE[0], THREE[2], THREE[1]]), "L2"),
        (((1, 0), [THREE[0], (0.9, 0), (0.2, 0.01)]), "cosine"),
        (((1, 0), [THREE[0], THREE[1], (0, 0)]), "zero"),
        (((1, 0), [THREE[0], THREE[1], (np.nan, 1)]), "finite"),
        (((1, 0, 0), THREE), "2 numbers"),
        (((1, 0), THREE[:2]), "2 numbers"),
        (((1, 0), {1: THREE}), "2 numbers"),
        (({1, 0}, THREE), "2 numbers"),
        ((1, 2), "2 numbers"),
        (((1, "x"), THREE), "cannot be read"),
    ],
    ids=str,
)
def test_vectors_without_the_property_are_told_why(
    bundled: dict[str, Drill], answer: Any, words: str
) -> None:
    verdict = both(bundled, "02_3", answer)
    assert verdict.status == "incorrect"
    assert words in verdict.message


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("09_9", 1, "no drill"),
        ((76_800, 0.073), "01_1", "no drill (76800, 0.073)"),
        ([1, 2], "01_1", "no drill [1, 2]"),
        (np.ones(2), "01_1", "no drill array"),
        (None, None, "no drill None"),
    ],
)
def test_an_unknown_drill_is_told(name: Any, answer: Any, words: str) -> None:
    verdict = drills.check(name, answer)
    assert verdict.status == "incorrect"
    assert words in verdict.message


def test_nothing_is_raised_whatever_an_answer_does() -> None:
    class Shout:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("loud")

    loop: list[Any] = []
    loop.append(loop)
    for name in DRILLS:
        for answer in (Shout(), (Shout(), Shout()), loop, [loop, loop], 1j, b"x", print):
            assert drills.check(name, answer).status in ("incorrect", "not attempted")


# The pair of drill 3: words are counted, and a person reads

OPPOSITE = ("Drop the silent e before -ing.", "Keep a final vowel when you add the gerund ending.")
HONEST = ("Stative verbs have no continuous form.", "Know, like and own never take -ing after be.")


@pytest.mark.parametrize(
    "pair",
    [
        OPPOSITE,
        HONEST,
        ("Use since with a starting point.", "Di since cuando nombras el momento inicial."),
        ("Cats purr loudly.", "Trains leave early."),
    ],
    ids=lambda pair: pair[0],
)
def test_a_pair_with_hardly_a_common_word_is_for_a_person(
    bundled: dict[str, Drill], pair: tuple[str, str]
) -> None:
    verdict = both(bundled, "01_3", (*pair, LONG))
    first, second = encode(pair)
    assert verdict.status == "recorded"
    assert "✓" not in verdict.message
    assert f"cosine of {first @ second:.2f}" in verdict.message
    assert both(bundled, "01_3", (pair, LONG)) == verdict  # nested


def test_the_cosine_indeed_cannot_tell() -> None:
    honest, opposite = ((a @ b) for a, b in map(encode, (HONEST, OPPOSITE)))
    assert honest < 0.25 < 0.35 < opposite


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (("a b c", "a b c", LONG), "share 100%"),
        (("Use since with a point.", "Use for with a point.", LONG), "share"),
        ((1, 2, LONG), "two sentences"),
        (({"a": 1}, "Some words here.", LONG), "two sentences"),
        ((*HONEST, "short"), "20"),
        ({HONEST[0]: HONEST[1]}, "(one, other, what)"),
        (HONEST[0], "(one, other, what)"),
        (HONEST, "not answered yet"),
    ],
    ids=str,
)
def test_a_pair_that_cannot_be_read_is_told_why(
    bundled: dict[str, Drill], answer: Any, words: str
) -> None:
    verdict = both(bundled, "01_3", answer)
    assert verdict.status == ("not attempted" if words == "not answered yet" else "incorrect")
    assert words in verdict.message


def test_the_overlap_is_that_of_sets_of_words() -> None:
    assert word_overlap("The cat, the CAT!", "a cat") == 1 / 3
    assert word_overlap("", "") == 1


# Texts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Because.", "too few words (1)"),
        ("... " * 20, "too few words (0)"),
        ("word " * 20, "again and again"),
        ("a b c d e f g h i j k " * 4, "again and again"),
        ("12 " * 30, "too few words (0)"),
        ("因为句子的意思分布在所有的词里面所以平均更好更合适", "English or Spanish"),
        (7, "in quotes"),
        ({"a": LONG}, "in quotes"),
    ],
)
def test_a_text_that_says_too_little_is_refused(
    bundled: dict[str, Drill], text: Any, words: str
) -> None:
    verdict = both(bundled, "01_2", text)
    assert verdict.status == "incorrect"
    assert words in verdict.message


@pytest.mark.parametrize("language", ["", ".es"])
def test_the_question_itself_is_no_answer(language: str) -> None:
    pages = {name: text for lab in labs() for name, text in questions(lab.source.stem, language)}
    for name, drill in DRILLS.items():
        if isinstance(drill.parts[-1], Text) and len(drill.parts) == 1:
            assert drills.check(name, pages[name]).status == "incorrect", name
            assert drills.check(name, f"{LONG} {pages[name]}").status == "recorded", name


def test_the_reference_texts_are_long_enough() -> None:
    for lab in labs():
        source = lab.source.read_text(encoding="utf-8")
        answers = re.findall(r"^(drill_(\d\d_\d) = .*?)^# END", source, re.DOTALL | re.MULTILINE)
        assert len(answers) == 5
        for code, name in answers:
            namespace: dict[str, Any] = {"np": np}
            exec(code, namespace)  # noqa: S102  # our own source
            verdict = drills.check(name, namespace[f"drill_{name}"])
            assert verdict.status in ("correct", "recorded"), verdict


# Key points


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What a notebook displays, in a session in which no drill was answered yet."""
    found: list[dict[str, str]] = []
    monkeypatch.setattr(keypoints, "_written", set())
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(IPython.display, "display", lambda data, **_: found.append(data))
    return found


def test_key_points_unfold_after_a_text_and_can_be_ticked(shown: list[dict[str, str]]) -> None:
    drills.check("01_2", LONG)
    [data] = shown
    part = DRILLS["01_2"].parts[0]
    assert isinstance(part, Text)
    assert data["text/html"].startswith("<details><summary>")
    assert data["text/html"].count('<input type="checkbox">') == len(part.rubric)
    assert all(point in data["text/plain"] for point in part.rubric)


@pytest.mark.parametrize(
    ("drill", "answer"),
    [
        ("01_2", "Too short."),
        ("01_2", "word " * 30),
        ("01_2", ""),
        ("02_4", (0.6, "efSearch", LONG)),
        ("02_4", (0.51, "efSearch", None)),
        ("01_1", (368_640, 0.352)),
    ],
    ids=str,
)
def test_key_points_stay_folded_away_before(
    shown: list[dict[str, str]], capsys: pytest.CaptureFixture[str], drill: str, answer: Any
) -> None:
    drills.check(drill, answer)
    drills.key_points(drill)
    assert shown == []
    assert "[ ]" not in capsys.readouterr().out


def test_key_points_are_printed_where_there_is_no_front_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keypoints, "_written", set())
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    drills.check("03_5", LONG)
    assert "[ ]" not in capsys.readouterr().out
    drills.key_points("03_5")
    assert capsys.readouterr().out.count("[ ]") == 3
    drills.key_points("09_9")
    assert "no drill '09_9'" in capsys.readouterr().out


def test_the_bundle_has_no_key_points(
    bundled: dict[str, Drill],
    shown: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(drills, "_drills", lambda: bundled)
    assert drills.check("01_2", LONG).status == "recorded"
    drills.key_points("01_2")
    assert shown == []
    assert "with your instructor" in capsys.readouterr().out


# No answer and no reason in a message

FORMULA = re.compile(r"[\^√=×*+÷]|log2|square|\d+M\b|\w / \w|size - ")
# What would give away the answer or its reason, whatever the words around it.
TELLING = {
    "01_1": ["4 bytes", "2^20", "four bytes"],
    "01_5": ["small", "large", "huge", "spread"],
    "02_1": ["8M", "2M", "1,024", "1024", "4 bytes"],
    "02_2": ["size - overlap", "n - 1", "96", "shorter"],
    "02_4": ["three in four", "in five", "multipl", "raised", "build"],
    "03_1": ["per pair", "every pair", "multipl"],
    "03_2": ["1 / rank", "reciprocal", "logarithm", "ideal", "counts as 0"],
    "03_3": ["mislead", "misled", "need not", "lost"],
    "03_4": ["nine", "times n", "root", "does not show", "losses"],
    "04_1": ["square", "sum over", "as many as"],
    "04_2": ["one minus", "over τ", "divide by"],
    "04_3": ["pushed", "away", "none of"],
    "04_5": ["best of", "used to choose", "optimistic", "noisy"],
}


def messages(drill: str) -> Iterator[str]:
    for part in DRILLS[drill].parts:
        if isinstance(part, Number | Choice):
            yield from part.mistakes.values()
        if isinstance(part, Number):
            yield part.otherwise


def leaks(drill: str, message: str) -> list[str]:
    """What a message gives away: right values, a right option, a formula, a key point."""
    found = FORMULA.findall(message)
    found += [words for words in TELLING.get(drill, []) if words in message]
    parts = DRILLS[drill].parts
    numbers = [float(n.replace(",", "")) for n in re.findall(r"\d+(?:[.,]\d+)*", message)]
    for part in parts:
        if isinstance(part, Number):
            found += [str(n) for n in numbers if abs(n - part.right) <= part.tolerance(part.right)]
        elif isinstance(part, Choice):
            options = {one for one in part.options if re.search(rf"\b{one}\b", message)}
            found += [part.right] * (len(part.right) > 1 and options == {part.right})
        elif isinstance(part, Text):
            found += [point for point in part.rubric if alike(point, message)]
    return found


def alike(point: str, message: str) -> bool:
    """True if a message holds half of the telling words of a key point, or four of them."""
    telling, said = (
        {w[:6] for w in re.findall(r"[a-z]{5,}", text.lower())} for text in (point, message)
    )
    return len(telling & said) >= min(4, max(2, len(telling) / 2))


@pytest.mark.parametrize("drill", DRILLS)
def test_no_message_gives_away_an_answer_or_a_reason(drill: str) -> None:
    assert {message: leaks(drill, message) for message in messages(drill)} == {
        message: [] for message in messages(drill)
    }


@pytest.mark.parametrize(
    ("drill", "message"),
    [
        ("03_2", "(1/log2 3 + 1/log2 6) / ideal."),
        ("03_3", "the ceiling rises; but forty more candidates can also mislead."),
        ("02_1", "the flat index is right; HNSW adds about 8M bytes per vector."),
        ("02_4", "of the answers that exact search finds, three in four remain."),
        ("01_5", "dividing by a smaller τ spreads the logits further apart."),
        ("03_1", "it is 800."),
        ("03_3", "the ceiling is 78%, that is 0.78."),
        ("02_4", "it is efSearch."),
        ("03_4", "the width shrinks with the square root of the number of queries."),
        ("03_4", "the interval contains every effect that the data do not rule out."),
    ],
)
def test_a_message_that_gives_something_away_is_found(drill: str, message: str) -> None:
    assert leaks(drill, message)


# The numbers of a drill are its own

QUOTE = re.compile(r"<!--r:.*?-->.*?<!--/r-->", re.DOTALL)
SECTION = re.compile(
    r"^(?:# )?## (?:\d+ · )?(?:Drills|Cuestiones)\n.*?(?=^(?:# )?## )", re.MULTILINE | re.DOTALL
)


def questions(stem: str, language: str = "") -> Iterator[tuple[str, str]]:
    """The drills of a theory page: their names and their texts."""
    page = (ROOT / "theory" / f"{stem}{language}.md").read_text(encoding="utf-8")
    for number, text in re.findall(
        r"\*\*(?:Drill|Cuestión) (\d)\.\*\* (.*?)(?=\n\n)", page, re.DOTALL
    ):
        yield f"{stem[:2]}_{number}", text


def elsewhere() -> dict[str, str]:
    """Pages and labs without their drills, worked answers one by one; nothing that was measured."""
    paths = [*ROOT.glob("theory/*.md"), *(lab.source for lab in labs())]
    pages = {path.name: SECTION.sub("", path.read_text(encoding="utf-8")) for path in paths}
    for path in ROOT.glob("solutions/*-ref*.md"):
        text = path.read_text(encoding="utf-8")
        answers = re.split(r"(?m)^## (?:Drill|Cuestión) (?=\d)", text)[1:]
        assert len(answers) == 5, path
        pages |= {f"{path.name[:2]}_{one[0]} in {path.name}": one for one in answers}
    return {name: QUOTE.sub("", text) for name, text in pages.items()}


def notations(part: Number) -> set[str]:
    """The usual ways to write the right value, if it has three digits or more."""
    shown = f"{part.right:.{part.decimals}f}"
    if len(re.sub(r"^0\.|\D", "", shown).rstrip("0")) < 3:
        return set()
    thousands = f"{part.right:,.{part.decimals}f}"
    spaced = [
        thousands.replace(",", mark) for mark in (" ", "\u00a0", ".", "{,}", "_", r"\thinspace ")
    ]
    return {shown, thousands, shown.replace(".", ","), *spaced}


def inputs(question: str) -> set[str]:
    """The numbers of a question that have two digits or more, without cut-offs."""
    numbers = re.findall(
        r"(?<![\w@.])\d+(?:\.\d+)?", re.sub(r"\w+@\d+|fp32|32-bit|20%", "", question)
    )
    return {number for number in numbers if len(number) > 1}


def solved_by(name: str, question: str, page: str) -> list[str]:
    """The right values on a page, and its paragraphs that have all numbers of the question."""
    standing = r"(?<![\d.,])(?:{})(?![\d]|[.,]\d)"
    found = [
        written
        for part in DRILLS[name].parts
        if isinstance(part, Number)
        for written in notations(part)
        if re.search(standing.format(re.escape(written)), page)
    ]
    given = inputs(question)
    if len(given) >= 2:
        found += [
            paragraph
            for paragraph in re.split(r"\n(?:#? *)?\n", page)
            if all(re.search(standing.format(re.escape(n)), paragraph) for n in given)
        ]
    return found


def test_no_page_solves_a_drill_with_its_own_numbers() -> None:
    asked = [pair for lab in labs() for pair in questions(lab.source.stem)]
    assert len(asked) == len(DRILLS)
    found = {
        (name, page): solved
        for name, question in asked
        for page, text in elsewhere().items()
        if not page.startswith(name)
        if (solved := solved_by(name, question, text))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("01_1", "50 vectors take 368,640 bytes."),
        ("01_1", r"$120 \times 768 \times 4$ bytes"),
        ("02_2", "A text of 1230 tokens, windows of 160 tokens, overlap 60."),
        ("02_2", "assert tokens == 1_890"),
        ("03_2", "which is 0,233."),
        ("01_5", "With $0.02$ it is sharp,\nwith $0.2$ it is not."),
        ("04_3", "40 questions and 75 documents"),
    ],
)
def test_a_page_that_solves_a_drill_is_found(name: str, page: str) -> None:
    [question] = [text for lab in labs() for one, text in questions(lab.source.stem) if one == name]
    assert solved_by(name, question, page)


@pytest.mark.parametrize("drill", DRILLS)
def test_lab_and_page_ask_with_the_same_numbers_and_the_lab_for_the_form(drill: str) -> None:
    [source] = [lab.source for lab in labs() if lab.source.stem.startswith(drill[:2])]
    cells = re.findall(
        r"^# \*\*Drill (\d)\.\*\* (.*?)(?=\n\n)", source.read_text(encoding="utf-8"), re.M | re.S
    )
    lab = dict(cells)[drill[3]].replace("\n# ", " ")
    if len(DRILLS[drill].parts) > 1 or DRILLS[drill].parts[0].width > 1:
        assert f"`{DRILLS[drill].form}`" in lab
    for language in ("", ".es"):
        page = dict(questions(source.stem, language))[drill]
        assert inputs(page) == inputs(lab)


# Reading


@pytest.mark.parametrize(
    ("entry", "unit", "number"),
    [
        (76_800, "bytes", 76_800),
        ("76800", "bytes", 76_800),
        ("75 KiB", "bytes", 76_800),
        ("75KiB", "bytes", 76_800),
        (" 75  kib ", "bytes", 76_800),
        ("0.0768 MB", "bytes", 76_800),
        ("7.68e4 B", "bytes", 76_800),
        ("1 byte", "bytes", 1),
        ("16 bits", "bytes", 2),
        ("1.5 GiB", "MiB", 1_536),
        ("1 TB", "GB", 1_000),
        ("-2 kB", "B", -2_000),
        ("−2 kB", "B", -2_000),
        (0.0732, "MiB", 0.0732),
        ("7000 ms", "s", 7),
        ("7000 milliseconds", "s", 7),
        ("5 µs", "s", 5e-6),
        ("2 min", "s", 120),
        ("2 horas", "s", 7_200),
        ("7 sec.", "s", 7),
        ("12", "", 12),
        (".5", "", 0.5),
        ("0.600", "", 0.6),
        ("1,234.5", "", 1_234.5),
        ("1.234,5", "", 1_234.5),
        ("1,234,567", "", 1_234_567),
        ("1.234.567", "", 1_234_567),
        ("1'234'567", "", 1_234_567),
        ("1234,5", "", 1_234.5),
        ("5 %", "", 0.05),
        (np.float32(0.5), "s", 0.5),
        (np.array(3), "", 3),
    ],
)
def test_a_number_is_read_in_its_unit(entry: Any, unit: str, number: float) -> None:
    assert Reading(unit).read(entry) == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize(
    ("entry", "unit"),
    [
        ("7 apples", "s"),
        ("7 s", "bytes"),
        ("7 bytes", "s"),
        ("7 s", ""),
        ("7 %", "s"),
        ("7 MiB of everything", "bytes"),
        ("seven", "s"),
        ("1.2.3 s", "s"),
        ("1,2,3", ""),
        ("12 34", ""),
        ("12,3456.7", ""),
        ("1.234", ""),
        ("1,234", ""),
        ("7 or 8", ""),
        ("s", "s"),
        ("", "s"),
        (None, "s"),
        (True, ""),
        (np.bool_(True), ""),
        ([1, 2], "s"),
        ((1, 2), ""),
        (1j, ""),
        (Opaque("zip"), "s"),
    ],
)
def test_what_is_no_number_in_the_unit_is_refused(entry: Any, unit: str) -> None:
    with pytest.raises(UnclearError):
        Reading(unit).read(entry)


@given(st.integers(0, 10**12), st.sampled_from([",", ".", " ", "\u00a0", "\u2009", "\u202f", "_"]))
def test_a_whole_number_is_read_with_any_mark_of_thousands(number: int, mark: str) -> None:
    assert Reading(whole=True).read(f"{number:,}".replace(",", mark)) == number


@given(st.floats(0, 1e6), st.sampled_from([0, 1, 2, 4, 5]), st.booleans())
def test_a_decimal_comma_is_read_as_a_decimal_point(
    value: float, digits: int, spaced: bool
) -> None:
    shown = f"{value:{',' if spaced else ''}.{digits}f}"
    spanish = shown.replace(",", " ").replace(".", ",")
    assert Reading().read(spanish) == float(shown.replace(",", ""))


@pytest.mark.parametrize("percent", [True, False])
def test_a_plain_number_is_a_percentage_only_where_the_question_speaks_of_one(
    percent: bool,
) -> None:
    reading = Reading(percent=percent)
    assert reading.read(60) == (0.6 if percent else 60)
    assert reading.read("0.6") == reading.read("60%") == 0.6
    assert reading.read(1) == 1


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("(c)", "c"),
        ("c)", "c"),
        ("C.", "c"),
        (" [c] ", "c"),
        ("c: the data", "c"),
        ("a", "a"),
        ("ef_search", "efsearch"),
        ("ef Search", "efsearch"),
        ("one-hot", "onehot"),
        ("Sí.", "si"),
        (False, "false"),
        ("no, because", "no"),
        ("no — because", "no"),
        (["no"], "no"),
        (np.array(["no"]), "no"),
        ("", ""),
        (None, "none"),
    ],
    ids=repr,
)
def test_a_choice_is_read_by_its_word(entry: Any, expected: str) -> None:
    assert word(entry) == expected


@pytest.mark.parametrize(("drill", "part"), CHOICES, ids=lambda v: getattr(v, "label", v))
def test_no_word_stands_for_two_options_and_each_wrong_one_has_a_sentence(
    drill: str, part: Choice
) -> None:
    words = [{word(one) for one in (option, *others)} for option, others in part.options.items()]
    assert sum(map(len, words)) == len(set().union(*words)), drill
    assert set(part.mistakes) == set(part.options) - {part.right}


# Sealed drills


@dataclass(frozen=True)
class Sealing:
    """A part of a drill, and the same after it was written into a bundle."""

    place: str
    part: Number | Choice
    sealed: Sealed

    def __repr__(self) -> str:
        return self.place


@pytest.fixture(scope="module")
def parts(bundled: dict[str, Drill]) -> list[Sealing]:
    return [
        Sealing(f"{name}/{place}", part, hidden)
        for name, drill in DRILLS.items()
        for place, (part, hidden) in enumerate(zip(drill.parts, bundled[name].parts, strict=True))
        if isinstance(part, Number | Choice) and isinstance(hidden, Sealed)
    ]


def test_every_number_and_choice_is_sealed(parts: list[Sealing]) -> None:
    assert len(parts) == len(NUMBERS) + len(CHOICES)


NOTATIONS = [
    "{:.1f}", "{:.2f}", "{:.3f}", "{:.6g}", "{:,.0f}", "{:.0f} %", "{:,.2f}", "{:.2e}",
    "≈ {:.3f}", "{:.3f} MiB", "{:.1f} segundos", "unos {:.0f}", "x = {:.4f}", "{:.0f}/7",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(data=st.data(), tolerances=st.floats(-20, 20), relative=st.floats(-2, 2))
def test_a_sealed_number_judges_as_an_open_one(
    parts: list[Sealing], data: st.DataObject, tolerances: float, relative: float
) -> None:
    one = data.draw(st.sampled_from([p for p in parts if isinstance(p.part, Number)]))
    assert isinstance(one.part, Number)
    value = data.draw(st.sampled_from([one.part.right, *one.part.mistakes]))
    far = data.draw(st.booleans())
    entry = (
        value * (1 + relative) + relative if far else value + tolerances * one.part.tolerance(value)
    )
    form = data.draw(st.sampled_from(NOTATIONS))
    comma = data.draw(st.booleans())
    text = form.format(entry)
    if comma:
        text = text.replace(",", "~").replace(".", ",").replace("~", ".")
    for written in (entry, text):
        assert one.sealed.find(written) == one.part.find(written)


@pytest.mark.parametrize(
    "entry", ["many", "7 apples", None, (1, 2), True, "1e3", Opaque("zip"), 1j]
)
def test_what_is_no_number_is_refused_alike(parts: list[Sealing], entry: Any) -> None:
    for one in parts:
        assert one.sealed.find(entry) == one.part.find(entry)


@pytest.mark.parametrize("entry", [math.nan, math.inf, -math.inf, 1e308])
def test_what_is_not_finite_is_judged_alike(parts: list[Sealing], entry: float) -> None:
    for one in parts:
        assert one.sealed.find(entry) == one.part.find(entry)
        assert one.part.find(entry).kind == "incorrect"


@given(data=st.data(), noise=st.text(" _.()", max_size=3))
def test_a_sealed_choice_judges_as_an_open_one(
    parts: list[Sealing], data: st.DataObject, noise: str
) -> None:
    one = data.draw(st.sampled_from([p for p in parts if isinstance(p.part, Choice)]))
    assert isinstance(one.part, Choice)
    known = [w for option, others in one.part.options.items() for w in (option, *others)]
    given_word = data.draw(st.sampled_from(known) | st.text(max_size=5))
    entry = data.draw(st.sampled_from([given_word, given_word.upper(), noise + given_word + noise]))
    assert one.sealed.find(entry) == one.part.find(entry)


@pytest.mark.parametrize("form", ["{}", " {} ", "_{}_", "({})", "{}.", "“{}”"])
def test_a_choice_is_right_in_any_case_and_spacing(parts: list[Sealing], form: str) -> None:
    for one in (one for one in parts if isinstance(one.part, Choice)):
        for said in (one.part.right, one.part.right.upper()):
            assert one.part.find(form.format(said)).kind == "correct"
            assert one.sealed.find(form.format(said)).kind == "correct"


def test_a_sealed_drill_holds_digests_and_sentences_alone(tmp_path: Path) -> None:
    sealed.write_drills(DRILLS, tmp_path / "drills.json")
    written = json.loads((tmp_path / "drills.json").read_text())
    shapes = [
        {"text"},
        {"constructed", "label", "width"},
        {"label", "place", "seals", "otherwise", "reading"},
    ]
    for part in (part for drill in written.values() for part in drill["parts"]):
        assert set(part) in shapes
        for step, digests, kind, _ in part.get("seals", []):
            assert isinstance(step, float)
            assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in digests)
            assert kind in ("correct", "named", "incorrect")


def test_the_order_of_the_seals_of_a_choice_does_not_tell_the_right_one(
    parts: list[Sealing],
) -> None:
    for one in (one for one in parts if isinstance(one.part, Choice)):
        right = [kind for _, _, kind, _ in one.sealed.seals].index("correct")
        assert right == sorted(one.part.options).index(one.part.right)


def test_the_step_of_a_seal_does_not_tell_the_value(parts: list[Sealing]) -> None:
    for one in parts:
        if isinstance(one.part, Number) and one.part.about:
            step = one.sealed.seals[0][0]
            assert step * 8 / one.part.about != pytest.approx(one.part.right, rel=1e-9), one


def test_constructions_survive_the_bundle(bundled: dict[str, Drill]) -> None:
    for name, drill in DRILLS.items():
        for part, other in zip(drill.parts, bundled[name].parts, strict=True):
            assert part.label == other.label
            if isinstance(part, Constructed):
                assert isinstance(other, Constructed)
                assert other.judge is part.judge
