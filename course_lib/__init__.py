"""The library behind the course *Attribution and Symmetry*.

`games` holds the one idea of Part I (a soft game and four ways of reading it), `attribution` the adapters that turn
features, training examples or components into players, `explainable` the models that explain themselves, `groups`
symmetries and how they act, `checks` and `claims` what the exercises and chapters test.
"""

__version__ = "0.1.0"
