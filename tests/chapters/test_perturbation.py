"""Chapter VIII: Lemma 5, the perturbation bound (S61-S70)."""

from rooms import *
