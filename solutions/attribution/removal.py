"""Solutions to exercises/attribution/removal.ipynb."""


# exercise: attribution/removal/occlusion
import torch


def occlusion(model, x, baseline, groups):
    players = torch.arange(groups.max() + 1)
    removed = groups == players[:, None]
    return model(x[None]) - model(torch.where(removed, baseline, x))


# exercise: attribution/removal/marginal_value
def marginal_value(model, x, background, kept):
    rows = background.clone()
    rows[:, kept] = x[kept]
    return model(rows).mean(0)


# exercise: attribution/removal/conditional_value
def conditional_value(joint, outputs, x, kept):
    cells = tuple(x[i] if i in kept else slice(None) for i in range(joint.dim()))
    probability = joint[cells].sum()
    if probability == 0:
        raise ValueError(f"kept={kept}: these features never take the values of x together")
    return (joint[cells] * outputs[cells]).sum() / probability
