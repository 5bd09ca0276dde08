"""Soft games and the four ways of reading them. Chapters: all of attribution.

`core` holds the game, `scores` what every reading returns; `removal`, `shapley`, `gradients` and `surrogates` are
the four rows of the map.
"""

from course_lib.games.core import Game, TableValue, corners, multilinear_extension, table_game, tabulate
from course_lib.games.gradients import gradient, integrated_gradients
from course_lib.games.removal import add_one_in, leave_one_out
from course_lib.games.scores import Attribution
from course_lib.games.shapley import banzhaf, shapley, shapley_kernel, shapley_weights
from course_lib.games.surrogates import Surrogate, linear_surrogate

__all__ = [
    "Attribution",
    "Game",
    "Surrogate",
    "TableValue",
    "add_one_in",
    "banzhaf",
    "corners",
    "gradient",
    "integrated_gradients",
    "leave_one_out",
    "linear_surrogate",
    "multilinear_extension",
    "shapley",
    "shapley_kernel",
    "shapley_weights",
    "table_game",
    "tabulate",
]
