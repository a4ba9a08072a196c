"""Chapter VI, continued: the largest stable step size."""

PAGE = "06_step_sizes"
CHAPTER = "VI"
