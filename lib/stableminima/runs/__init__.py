"""Gradient descent, and long experiments with it that survive being killed."""
