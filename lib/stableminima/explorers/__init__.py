"""Every slider of the book, one module for each chapter, each a function of results."""
