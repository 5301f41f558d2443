// Runs a compiled application, whether it is an ES module or CommonJS: `node run.cjs ./nest/app.js`.
void import(require('node:path').resolve(process.argv[2])).then(({ tryOut }) => tryOut());
