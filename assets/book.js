// Mends what the theme leaves undone. Runs on every page, before its other scripts.
document.addEventListener("DOMContentLoaded", () => {
  // a button's name must be what it reads: the labels that the theme gives these two hide their words
  const relabelled = ".search-button-field[aria-label], details > summary[aria-label]";
  document.querySelectorAll(relabelled).forEach((button) => button.removeAttribute("aria-label"));

  // the sidebar holds the title and the search outside any landmark
  const sidebar = document.querySelector(".bd-sidebar-primary");
  sidebar?.setAttribute("role", "complementary");
  sidebar?.setAttribute("aria-label", "Book");

  // a page opened from the file system may not fetch the summaries of its search results
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  // what is wider than the page scrolls in itself, and so must be reachable by keyboard
  const boxes = "article :is(pre, figure, .output, .pst-scrollable-table-container, div.math, mjx-container)";
  const reach = new ResizeObserver((resized) => resized.forEach(({ target }) => {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
  }));
  document.querySelectorAll(boxes).forEach((box) => reach.observe(box));
});

// paper is white: print in the light theme, whatever the screen shows
let onScreen;
addEventListener("beforeprint", () => {
  onScreen = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
addEventListener("afterprint", () => { document.documentElement.dataset.theme = onScreen; });
