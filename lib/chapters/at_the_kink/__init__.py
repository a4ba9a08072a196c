"""At the kink: what decides stability that is not strong (the book's own)."""

PAGE = "10_at_the_kink"
CHAPTER = "X"
