"""Groups, their actions and the ruler of equivariance. Chapters: all of symmetries and equivariance."""
