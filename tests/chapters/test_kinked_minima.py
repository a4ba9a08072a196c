"""Chapter X: Lemma 4 at minima where the loss has a kink (S76–S79)."""

from rooms import *
