"""Chapter II: Lemma 1, linear stability (S1–S9)."""

from rooms import *
