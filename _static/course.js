// What a reader has read is remembered in this browser, and nowhere else: a button at the end of a chapter or exercise page,
// and a mark beside the page's name in the sidebar.
(function () {
  var KEY = "course.read";
  var kind = /\/(chapters|exercises)\/\w+\/\w+\.html$/;
  function known() {
    try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch (refused) { return []; }
  }
  function keep(list) {
    try { localStorage.setItem(KEY, JSON.stringify(list)); return true; } catch (refused) { return false; }
  }
  function name(path) { var found = path.match(kind); return found && found[0].slice(1, -5); }
  function markSidebar() {
    var list = known();
    document.querySelectorAll(".bd-links a.reference.internal").forEach(function (link) {
      var page = name(new URL(link.href, location.href).pathname) || (link.getAttribute("href") === "#" && name(location.pathname));
      if (page) link.classList.toggle("course-read", list.indexOf(page) >= 0);
    });
  }
  function addButton() {
    var page = name(location.pathname), article = document.querySelector("article.bd-article");
    if (!page || !article || !keep(known())) return;
    var button = document.createElement("button");
    button.type = "button";
    button.className = "course-done";
    function show() {
      var read = known().indexOf(page) >= 0;
      button.setAttribute("aria-pressed", String(read));
      button.textContent = read ? "Done. (Remembered in this browser only.)" : "Mark this page as done";
      markSidebar();
    }
    button.addEventListener("click", function () {
      var list = known(), at = list.indexOf(page);
      if (at >= 0) list.splice(at, 1); else list.push(page);
      keep(list);
      show();
    });
    article.appendChild(button);
    show();
  }
  window.addEventListener("DOMContentLoaded", function () { markSidebar(); addButton(); });
})();

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
