"""The commands that draw one map: ``fechner map`` and ``fechner impact``."""
