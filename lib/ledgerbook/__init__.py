"""The machinery of a book that checks what it says; it knows nothing of what any book says."""
