// Choosing an id: one that is known, or any text at all.
import { h } from './dom.js';

const OTHER = 'other';

export function picker(name, label, onchange) {
  const select = h('select', { id: name });
  const input = h('input', {
    class: 'code',
    'aria-label': `${label}: the id`,
    'aria-describedby': `${name}-error`,
    autocomplete: 'off',
    placeholder: 'the id',
    hidden: true,
  });
  const error = h('p', { class: 'error', id: `${name}-error` });
  select.setAttribute('aria-describedby', error.id);
  const changed = () => {
    input.hidden = select.value !== OTHER;
    problem('');
    onchange?.();
  };
  select.addEventListener('change', changed);
  input.addEventListener('input', () => onchange?.());
  function problem(text) {
    error.textContent = text;
    for (const field of [select, input]) field.toggleAttribute('aria-invalid', false);
    if (text !== '') (input.hidden ? select : input).setAttribute('aria-invalid', 'true');
  }
  return {
    element: h('div', { class: 'field' }, h('label', { for: name }, label), select, input, error),
    problem,
    /** Empty where nothing is chosen and nothing typed: then nothing is asked. */
    value: () => (select.value === OTHER ? input.value : select.value),
    /** Whether there is an id to ask about. If not, the field says what is missing. */
    isChosen() {
      const chosen = this.value() !== '';
      if (!chosen) problem(`Type the id of ${article(label)}.`);
      return chosen;
    },
    choose(id) {
      if ([...select.options].some((option) => option.value === id)) select.value = id;
      else {
        select.value = OTHER;
        input.value = id;
      }
      changed();
    },
    offer(known) {
      const before = select.value;
      select.replaceChildren(
        ...known.map((each) => h('option', { value: each.id }, each.name || each.id)),
        h('option', { value: OTHER }, 'Another id …'),
      );
      if (known.some((each) => each.id === before) || before === OTHER) select.value = before;
      input.hidden = select.value !== OTHER;
    },
  };
}

const article = (label) => `${/^[AO]/.test(label) ? 'an' : 'a'} ${label.toLowerCase()}`;
