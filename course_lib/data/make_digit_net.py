"""Train the digit reader of the case file and store its weights: `python -m course_lib.data.make_digit_net`.

Takes about two seconds. The stored checkpoint is the one that the book speaks about; a new run on another machine may
differ in its last digits, and reads the test images as well as this one (a test retrains it and compares the accuracy).
"""

from pathlib import Path

import numpy as np
import torch

from course_lib.datasets import digits
from course_lib.models import DigitNet
from course_lib.training import train_classifier

SEED = 3


def train() -> DigitNet:
    split = digits()
    return train_classifier(DigitNet(SEED), split.train_x, split.train_y, epochs=12, rate=3e-3, seed=SEED)


if __name__ == "__main__":
    torch.set_num_threads(1)
    weights = {name: tensor.numpy() for name, tensor in train().state_dict().items()}
    np.savez_compressed(Path(__file__).with_name("digit_net.npz"), **weights)
