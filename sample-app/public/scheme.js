// Light or dark: as the system has it, until the reader says otherwise.
import { byId } from './dom.js';

const KEPT = 'sample.scheme';
const isDark = () =>
  getComputedStyle(document.documentElement).colorScheme === 'dark' ||
  (document.documentElement.dataset.scheme === undefined &&
    matchMedia('(prefers-color-scheme: dark)').matches);

export function startScheme() {
  apply(localStorage.getItem(KEPT));
  byId('scheme').addEventListener('click', () => {
    const scheme = isDark() ? 'light' : 'dark';
    localStorage.setItem(KEPT, scheme);
    apply(scheme);
  });
}

function apply(scheme) {
  if (scheme === 'light' || scheme === 'dark') document.documentElement.dataset.scheme = scheme;
}
