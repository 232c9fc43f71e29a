"""The commands of ``fechner compress``: folders made smaller, and maps compared by bytes."""
