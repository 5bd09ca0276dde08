"""Every example in a docstring of the library runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import course_lib
import workshop

MODULES = [
    module.name
    for package in (course_lib, workshop)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", [name for name in MODULES if ".data." not in name])  # these are scripts
def test_examples_in_docstrings(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_library_has_examples():
    modules = [importlib.import_module(f"course_lib.games.{name}") for name in ("core", "shapley", "surrogates")]
    assert all(doctest.testmod(module).attempted > 0 for module in modules)
