"""Chapter XI: the flattest rescaling and the flattest implementation, certified (S80–S90)."""

PAGE = "11_flattest_implementation"
CHAPTER = "XI"
