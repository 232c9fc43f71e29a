"""Trial plan, journal, session loop, the PsychoPy window, simulated observers, exports."""
