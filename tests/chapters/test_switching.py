"""Chapter III: Lemma 2, what a switching system cannot stay at (S10–S25)."""

from rooms import *
