"""Chapter I: the experiments, and what the stored runs show."""

from rooms import *
