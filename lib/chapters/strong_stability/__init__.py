"""Chapter IV: Lemma 3, what keeps descent in the ball (S26–S30)."""

PAGE = "04_strong_stability"
CHAPTER = "IV"
