// Two things that the theme leaves to a mouse: the arrows that open a chapter's pages in the sidebar get a name, and
// whatever scrolls sideways can be reached and scrolled by keyboard, also after the window has become narrower.
(function () {
  function nameArrows() {
    document.querySelectorAll(".bd-links li.has-children > details > summary").forEach(function (summary) {
      var link = summary.closest("li").querySelector("a");
      summary.setAttribute("aria-label", "Pages of " + (link ? link.textContent.trim() : "this chapter"));
    });
  }
  function reachScrollers() {
    var boxes = "pre, div.math, mjx-container, .pst-scrollable-table-container, .cell_output .output";
    document.querySelectorAll(".bd-article :is(" + boxes + ")").forEach(function (box) {
      if (box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible") box.tabIndex = 0;
    });
  }
  window.addEventListener("DOMContentLoaded", nameArrows);
  window.addEventListener("resize", reachScrollers);
  window.addEventListener("load", function () {
    reachScrollers();
    if (window.MathJax && MathJax.startup) MathJax.startup.promise.then(reachScrollers);
  });
})();
