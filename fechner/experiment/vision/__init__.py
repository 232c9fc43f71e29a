"""Tests of vision before the first trial: colour plates and tumbling letters, drawn and judged."""
