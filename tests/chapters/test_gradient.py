"""Chapter V: the gradient (S31, S32)."""

from rooms import *
