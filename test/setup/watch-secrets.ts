// A setup file of vitest. With the environment variable WATCH_SECRETS it looks through everything that a spec file
// lets the library write for any secret that the file ever used, and reports into the folder that the variable names.
const folder = process.env['WATCH_SECRETS'];
if (folder !== undefined && folder !== '') {
  const { watchFile } = await import('./secret-watching.js');
  await watchFile(folder);
}
