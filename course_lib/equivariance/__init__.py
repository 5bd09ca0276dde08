"""Ways to make a network equivariant, and what each of them costs. Chapters: all of equivariance."""
