"""Every static figure and table of the book, one module for each chapter, each a function of results."""
