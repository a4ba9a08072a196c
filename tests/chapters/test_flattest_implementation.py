"""Chapter XI: the flattest rescaling and the flattest implementation, certified (S80–S90)."""

from rooms import *
