"""First row of the map: drop one player from the full coalition, or add one to the empty coalition.

Chapters: attribution/removal, attribution/overview. Occlusion, leave one out, ablation and activation patching are these
two functions on different games. Both look at n + 1 of the 2**n coalitions only: dropping misses players that stand in
for each other (OR), adding misses players that need each other (AND).
"""

import torch

from course_lib.games.core import Game
from course_lib.games.scores import Attribution, exact


def leave_one_out(game: Game, batch_size: int | None = None) -> Attribution:
    """phi_i = v(1) - v(1 - e_i): what the value loses when player i alone leaves. n + 1 rows.

    Equals the gradient of the multilinear extension at 1.

    >>> leave_one_out(Game(lambda g: g[:, 0] * g[:, 1], players=2)).scores.tolist()
    [1.0, 1.0]
    """
    eye = torch.eye(game.n, dtype=game.dtype, device=game.device)
    values = game.evaluate(torch.cat([torch.ones_like(eye[:1]), 1 - eye]), batch_size)
    return exact(values[0] - values[1:], game.n + 1, game.players)


def add_one_in(game: Game, batch_size: int | None = None) -> Attribution:
    """phi_i = v(e_i) - v(0): what the value gains when player i alone enters. n + 1 rows.

    Equals the gradient of the multilinear extension at 0.

    >>> add_one_in(Game(lambda g: g[:, 0] * g[:, 1], players=2)).scores.tolist()
    [0.0, 0.0]
    """
    eye = torch.eye(game.n, dtype=game.dtype, device=game.device)
    values = game.evaluate(torch.cat([torch.zeros_like(eye[:1]), eye]), batch_size)
    return exact(values[1:] - values[0], game.n + 1, game.players)
