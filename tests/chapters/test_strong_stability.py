"""Chapter IV: Lemma 3, what keeps descent in the ball (S26–S30)."""

from rooms import *
