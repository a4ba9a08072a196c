// Typesets formulas with MathJax. Input (JSON): {"fonts": where the style sheet finds them, "formulas": [[tex, display]]}.
// Output (JSON): {"html": [one for each], "css": the style sheet for all}, or {"error": ..., "formula": ...}.
const options = {
  loader: { load: ["input/tex-full", "output/chtml", "adaptors/liteDOM", "a11y/assistive-mml"], require },
  tex: {
    // what would be loaded on demand cannot be waited for; a formula that is wrong stops the build
    packages: { "[-]": ["autoload", "require", "noerrors", "noundefined"] },
    tags: "none",
    formatError: (_, error) => { throw error; },
  },
  startup: { typeset: false },
};
const FONT = { em: 16, ex: 8, containerWidth: 1e6 }; // the size of the text around: half an em to an x
const WASTE = / (?:data-mjx-[\w-]+|xmlns|texclass|unselectable)="[^"]*"/g; // attributes that no style sheet names

async function main() {
  const { fonts, formulas } = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const MathJax = await require("mathjax").init({ ...options, chtml: { fontURL: fonts } });
  const adaptor = MathJax.startup.adaptor;
  const html = [];
  for (const [formula, display] of formulas) {
    try {
      html.push(adaptor.outerHTML(MathJax.tex2chtml(formula, { display, ...FONT })).replace(WASTE, ""));
    } catch (error) {
      return { error: error.message, formula };
    }
  }
  return { html, css: adaptor.textContent(MathJax.chtmlStylesheet()) };
}

main().then((answer) => process.stdout.write(JSON.stringify(answer)));
