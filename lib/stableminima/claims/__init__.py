"""The registry: every equation of the supplement that the book checks or defines, each formula written once.

A notebook shows ``check(claims.S32)`` with the module of its chapter; the tests and the ledger run the same objects.
Oracles share no code with the closed form that they are held against.
"""

from __future__ import annotations

from ..verify import Claim, Definition
from . import (
    chapter_1,
    chapter_1_figures,
    chapter_2,
    chapter_3,
    chapter_4,
    chapter_5,
    chapter_6,
    chapter_6_steps,
    chapter_7,
)

# the page that shows each module's equations
SHOWN = {
    "01_experiments": chapter_1,
    "01_figures": chapter_1_figures,
    "02_linear_stability": chapter_2,
    "03_switching": chapter_3,
    "04_strong_stability": chapter_4,
    "05_gradient": chapter_5,
    "06_smoothness": chapter_6,
    "06_step_sizes": chapter_6_steps,
    "notation": chapter_7,
}


def entries(module: object) -> dict[str, Claim | Definition]:
    """The claims and definitions of one chapter by the name that its notebook uses."""
    return {name: entry for name, entry in vars(module).items() if isinstance(entry, Claim | Definition)}


CLAIMS: tuple[Claim | Definition, ...] = tuple(entry for module in SHOWN.values() for entry in entries(module).values())

# where the book's own equations stand: Sphinx has no name for them
_OWN = {
    "I.1": "01_experiments.html#the-lower-bound",
    "I.2": "01_experiments.html#the-upper-bound-and-the-runs-above-it",
    "I.3": "01_figures.html#sharpness-along-training",
    "I.4": "01_figures.html#the-flattest-rescaling",
    "II.1": "02_linear_stability.html#prop-trace",
    "III.1": "03_switching.html#noise-of-mean-zero-costs-nothing",
    "III.2": "03_switching.html#prop-kink",
    "III.3": "03_switching.html#the-first-part-needs-neither-nor",
    "IV.1": "04_strong_stability.html#prop-own-rule",
    "V.1": "05_gradient.html#prop-euler",
    "V.2": "05_gradient.html#prop-balance",
    "V.3": "05_gradient.html#prop-balance",
    "T1": "06_smoothness.html#thm-1",
    "VI.1": "06_smoothness.html#how-tight",
    "VI.2": "06_smoothness.html#the-weight-of-a-population",
    "VI.3": "06_smoothness.html#prop-local-minimum",
    "VI.4": "06_step_sizes.html#prop-smoothest",
    "VI.5": "06_step_sizes.html#prop-smoothest",
    "VI.6": "06_step_sizes.html#prop-certificate",
    "VI.7": "06_step_sizes.html#prop-flattest",
    "VI.8": "06_step_sizes.html#where-descent-really-stops",
}

# Sphinx calls the display of an equation that is labelled S9 "equation-s9"
PAGES = {
    entry.equation: _OWN.get(entry.equation, f"{page}.html#equation-{entry.equation.lower()}")
    for page, module in SHOWN.items()
    for entry in entries(module).values()
}
