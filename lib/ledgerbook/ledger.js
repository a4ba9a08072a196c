// A filter above the cards of the ledger: words, and one choice for each of what the cards tell of themselves.
function choice(cards, key, name) {
  const values = [...new Set(cards.map((card) => card.dataset[key]).filter(Boolean))];
  const select = document.createElement("select");
  select.append(new Option("all", ""), ...values.map((value) => new Option(value, value)));
  return [name, select, (card) => !select.value || card.dataset[key] === select.value];
}

for (const ledger of document.querySelectorAll("[data-ledger]:not([data-ready])")) {
  ledger.setAttribute("data-ready", "");
  const cards = [...ledger.querySelectorAll(".entry")], count = ledger.querySelector("[role=status]");
  const texts = new Map(cards.map((card) => [card, card.textContent.toLowerCase()]));
  const words = document.createElement("input");
  words.type = "search";
  words.placeholder = "S33, autograd, …";
  const asked = () => words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const fields = [
    ["words", words, (card) => asked().every((word) => texts.get(card).includes(word))],
    choice(cards, "chapter", "chapter"), choice(cards, "relation", "relation"), choice(cards, "tightness", "equality"),
  ];
  const form = document.createElement("form");
  form.className = "filter";
  form.setAttribute("aria-label", "Filter the ledger");
  form.append(...fields.map(([name, field]) => {
    const label = document.createElement("label");
    label.append(name, field);
    return label;
  }));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    for (const card of cards) card.hidden = !fields.every(([, , holds]) => holds(card));
    for (const section of ledger.querySelectorAll("section")) section.hidden = !section.querySelector(".entry:not([hidden])");
    count.textContent = `${cards.filter((card) => !card.hidden).length} of ${cards.length} shown`;
  });
  ledger.querySelector("style").after(form);
}
