"""Chapter VI: Lemma 4 and Theorem 1 (S33–S42)."""

PAGE = "06_smoothness"
CHAPTER = "VI"
