"""Chapter I: the experiments, and what the stored runs show."""

PAGE = "01_experiments"
CHAPTER = "I"
