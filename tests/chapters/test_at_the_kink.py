"""At the kink: what decides stability that is not strong (K.1–K.7)."""

from rooms import *
