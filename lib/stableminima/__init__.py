"""Minima that gradient descent can settle in, and the functions they represent.

Companion library to the supplement of Mulayoff, Michaeli and Soudry,
*The Implicit Bias of Minima Stability: A View from Function Space* (NeurIPS 2021).
"""

__version__ = "0.1.0"
