"""Models whose explanation is part of how they are built or trained. Chapters: all of explainable."""
