"""Train the two fact models and store their weights: `python -m course_lib.data.make_fact_models`.

About a minute on one core. Half precision is enough for storage: the stored weights are the model.
"""

from pathlib import Path

import numpy as np
import torch

from course_lib import facts
from course_lib.transformer import PATHS, FactModel

STEPS = 400


def train(
    path: str,
    steps: int = STEPS,
    rate: float = 3e-3,
    batch: int = 256,
    seed: int = 0,
    rows: torch.Tensor | None = None,
) -> FactModel:
    """Fit the answers of the training sentences, or of other `rows`, by AdamW; the rate rises for 20 steps, then falls to 0.

    The strong weight decay is what makes a fact that is read in one wording known in the others.
    """
    model, world = FactModel(path, seed=seed), facts.sentences()
    rows = facts.split(world)[0] if rows is None else rows
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1, step / 20) * (1 - step / steps))
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        some = world[rows[torch.randint(0, len(rows), (batch,), generator=generator)]]
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(answer_logits(model, some), some.answers).backward()
        optimiser.step()
        schedule.step()
    return model.eval().requires_grad_(False)


def answer_logits(model: FactModel, some: facts.Sentences) -> torch.Tensor:
    """Logits after the last token of each sentence, `(s, vocabulary)`."""
    return model(some.tokens)[torch.arange(len(some)), some.last]


if __name__ == "__main__":
    torch.set_num_threads(1)
    for path in PATHS:
        state = {name: tensor.half().numpy() for name, tensor in train(path).state_dict().items()}
        np.savez_compressed(Path(__file__).with_name(f"fact_model_{path}.npz"), **state)
