"""Bugs that are planted in a copy of the program, to see that the suite catches each."""
