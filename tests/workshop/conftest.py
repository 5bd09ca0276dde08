"""The built site and the browser, as the tests of the book have them."""

from tests.book.conftest import browser, site

__all__ = ["browser", "site"]
