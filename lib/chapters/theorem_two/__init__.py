"""Chapter IX: Theorem 2 (S71–S75), and without its correction (IX.1 to IX.3)."""

PAGE = "09_theorem_two"
CHAPTER = "IX"
