"""Tables for additive models, in units that can be read. Chapter: explainable/additive.

An additive model can be read only as far as its features can, so the diabetes patients keep their years and mmHg here.
"""

import torch
from sklearn import datasets as bundled
from sklearn.model_selection import train_test_split

from course_lib.datasets import Split

PATIENT = ("age (years)", "sex (1 or 2)", "body mass index", "blood pressure (mmHg)", "total cholesterol", "LDL", "HDL",
           "cholesterol / HDL", "log triglycerides", "blood sugar")  # fmt: skip


def diabetes() -> Split:
    """442 patients, ten measurements in their own units; y is the progress of the disease in a year (Efron et al., 2004).

    142 rows are for testing. Sex is coded 1 and 2, and the source does not say which is which.
    """
    data = bundled.load_diabetes(scaled=False)
    x, y = torch.tensor(data.data), torch.tensor(data.target)
    train, test = (torch.tensor(rows) for rows in train_test_split(range(len(y)), test_size=142, random_state=0))
    return Split(x[train], y[train], x[test], y[test], test, PATIENT)
