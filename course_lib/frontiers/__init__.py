"""Postcards from the research that the notes only list: one small experiment each. Chapters: all of frontiers."""
