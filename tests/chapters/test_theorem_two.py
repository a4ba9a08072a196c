"""Chapter IX: Theorem 2 (S71–S75), and without its correction."""

from rooms import *
