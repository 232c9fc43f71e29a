"""Who is left out, by rules that cannot see the contrast under test."""
