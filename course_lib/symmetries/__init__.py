"""What symmetry means for a network, and what it buys. Chapters: all of symmetries."""
