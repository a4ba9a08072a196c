"""Chapter IV: Lemma 3, what a switching system must stay at (S26–S30)."""
