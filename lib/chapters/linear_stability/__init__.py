"""Chapter II: Lemma 1, linear stability (S1–S9)."""

PAGE = "02_linear_stability"
CHAPTER = "II"
