// Reads formulas with the site's own copy of MathJax: node formulas.js vendor/mathjax < [["x^2", true], ...]
// Writes one message for each, "" where nothing is wrong.
const fs = require("fs");
const vm = require("vm");

// As much of a browser as MathJax looks at while it is loaded.
const element = () => ({ appendChild() {}, setAttribute() {}, querySelectorAll: () => [], getElementsByTagName: () => [] });
globalThis.window = globalThis;
globalThis.document = { ...element(), createElement: element, head: element(), currentScript: { src: "" }, location: {} };
globalThis.MathJax = { startup: { typeset: false, ready() {} } };
for (const part of ["core", "input/tex-base", "input/tex/extensions/ams"])
  vm.runInThisContext(fs.readFileSync(`${process.argv[2]}/${part}.js`, "utf8"), { filename: part });

const { input, core } = MathJax._;
const MathItem = core.MathItem.AbstractMathItem;
const tex = new input.tex_ts.TeX({
  packages: ["base", "ams"], // as _config.yml has them
  formatError(jax, error) {
    throw error;
  },
});
tex.setMmlFactory(new core.MmlTree.MmlFactory.MmlFactory());
const page = { options: { MathItem }, outputJax: { getBBox() {} }, math: [] };
const said = JSON.parse(fs.readFileSync(0, "utf8")).map(([formula, display]) => {
  try {
    tex.compile(new MathItem(formula, tex, display), page);
    return "";
  } catch (error) {
    return error.message;
  }
});
fs.writeSync(1, JSON.stringify(said));
process.exit(0); // before MathJax looks for a page
