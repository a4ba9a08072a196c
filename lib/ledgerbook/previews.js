// Beside a link to an equation or a box: what stands there. On hover, on focus, and on a first tap; Escape closes it.
{
  const folder = new URL(".", document.currentScript.src);
  const root = new URL("../../", folder).href;
  const bubble = document.createElement("div");
  bubble.id = "preview";
  bubble.className = "preview";
  bubble.setAttribute("role", "tooltip");
  bubble.hidden = true;

  let loaded, shownBeside = null, waiting;
  const previews = () => (loaded ??= new Promise((done) => { // a script, as a page from the file system may fetch nothing
    const script = document.createElement("script");
    script.src = new URL("shown.js", folder).href;
    script.onload = () => done(window.previews);
    document.head.append(script);
  }));

  function hide() {
    clearTimeout(waiting);
    shownBeside?.removeAttribute("aria-describedby");
    shownBeside = null;
    bubble.hidden = true;
  }

  async function show(link) {
    const html = (await previews())[link.href.slice(root.length)];
    if (!html || !(link.matches(":hover, :focus") || link === shownBeside)) return;
    hide();
    shownBeside = link;
    link.setAttribute("aria-describedby", bubble.id);
    bubble.innerHTML = html;
    bubble.hidden = false;
    const at = link.getClientRects()[0], size = bubble.getBoundingClientRect(), edge = document.documentElement.clientWidth;
    const below = at.bottom + size.height < innerHeight || at.top < size.height;
    const from = bubble.offsetParent.getBoundingClientRect();
    bubble.style.left = `${Math.max(8, Math.min(at.left, edge - size.width - 8)) - from.left}px`;
    bubble.style.top = `${(below ? at.bottom : at.top - size.height) - from.top}px`;
  }

  const soon = (what, after) => { clearTimeout(waiting); waiting = setTimeout(what, after); };
  (document.querySelector("main") ?? document.body).append(bubble); // in a landmark, as all of a page's content
  bubble.addEventListener("mouseenter", () => clearTimeout(waiting)); // it stays while it is read
  bubble.addEventListener("mouseleave", () => soon(hide, 200));
  addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  document.addEventListener("pointerdown", ({ target }) => {
    if (!bubble.contains(target) && target.closest?.("a") !== shownBeside) hide();
  });
  for (const link of document.querySelectorAll("article a.reference.internal[href*='#'], .ledger a[href*='#']")) {
    let tapped = false;
    link.addEventListener("mouseenter", () => soon(() => show(link), 150));
    link.addEventListener("mouseleave", () => soon(hide, 200));
    link.addEventListener("focus", () => link.matches(":focus-visible") && show(link));
    link.addEventListener("blur", hide);
    link.addEventListener("pointerdown", ({ pointerType }) => { tapped = pointerType === "touch" && link !== shownBeside; });
    link.addEventListener("click", async (event) => { // the second tap follows the link
      if (!tapped || !link.href.startsWith(root)) return;
      tapped = false;
      event.preventDefault();
      if ((await previews())[link.href.slice(root.length)]) { shownBeside = link; show(link); } else location.assign(link.href);
    });
  }
}
