"""Chapter VII: the network as a switching system (S43–S60)."""

from rooms import *
