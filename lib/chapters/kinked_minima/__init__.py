"""Chapter X: Lemma 4 at minima where the loss has a kink (S76–S79)."""

PAGE = "10_lemma_four_at_kinks"
CHAPTER = "X"
