"""Plain mode: the console line by line, for screen readers, serial lines and dumb terminals."""
