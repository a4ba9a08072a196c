"""Chapter VIII: Lemma 5, the perturbation bound (S61–S70)."""

PAGE = "08_perturbation"
CHAPTER = "VIII"
