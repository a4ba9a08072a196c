"""The material of the book: one room a page, and what rooms share."""
