"""Chapter I, continued: every published figure, λ_max by an n×n matrix, and the flattest rescaling."""

from rooms import *
