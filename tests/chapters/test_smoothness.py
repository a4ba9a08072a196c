"""Chapter VI: Lemma 4 and Theorem 1 (S33–S42)."""

from rooms import *
