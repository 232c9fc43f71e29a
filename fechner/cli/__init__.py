"""The command line: one module a command group; it only parses, calls and writes."""
