// What the page is built of. Whatever ZITADEL or anybody else named reaches the page as text only.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== ''));
  return element;
}

/** Code that may be broken between its parts, and not within a word. */
export function breakable(text, between = /(?<=[/(])|(?=[.])/) {
  const parts = text.split(between);
  return parts.flatMap((part, index) => (index > 0 ? [h('wbr'), part] : [part]));
}

/** Names of roles are long, so they may be broken after each word. */
export const breakableRoles = (text) => breakable(text, /(?<=_|, )/);

export const tag = (kind, text) => h('span', { class: kind }, text);
/** A name that somebody else wrote: isolated, so that it cannot turn the text around it. */
export const nameTag = (text) => h('bdi', { class: 'name' }, text);

export function announce(text) {
  byId('announcer').textContent = text;
}

/** Puts whoever uses a keyboard or a screen reader to a heading. */
export function goTo(heading) {
  heading.setAttribute('tabindex', '-1');
  heading.focus();
}

export function alertWith(text) {
  byId('alert').textContent = text;
  byId('alert').hidden = text === '';
}

export const cell = (label, ...children) =>
  h('td', { role: 'cell', 'data-label': label }, ...children);

export async function busy(button, work) {
  button.disabled = true;
  try {
    await work();
  } finally {
    button.disabled = false;
    // A disabled button has lost the focus, and who uses a keyboard the place.
    if (document.activeElement === document.body && button.isConnected) button.focus();
  }
}
