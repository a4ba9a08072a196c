"""Chapter V: the gradient (S31, S32)."""

PAGE = "05_gradient"
CHAPTER = "V"
