// Runs `routes` once for each list of arguments that it gets, and writes what came of each as a line of JSON.
import { runCommand } from '#dist/bin/commands.js';

const results = [];
for (const args of JSON.parse(process.argv[2] ?? '[]')) {
  const [out, told] = [[], []];
  const code = await runCommand(['routes', ...args], {
    env: {},
    out: (text) => out.push(text),
    tell: (text) => told.push(text),
    isInteractive: false,
    hasColours: false,
    ask: async () => '',
    askSecret: async () => '',
    input: async () => '',
    stop: new AbortController().signal,
  });
  results.push({ code, out: out.join('\n'), told: told.join('\n') });
}
console.log(JSON.stringify(results));
