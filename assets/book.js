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
  document.querySelectorAll("article pre, article figure, article .output, article .pst-scrollable-table-container").forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  });
});
