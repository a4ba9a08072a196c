"""Chapter VI, continued: the largest stable step size."""

from rooms import *
