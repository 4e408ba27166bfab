// SPDX-License-Identifier: MIT
// Small helpers over the DOM.

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no element #${id}`);
  return /** @type {T} */ (found);
}

/**
 * @param {string} tag
 * @param {string} [className]
 * @param {string | (Node | string)[]} [content]
 * @returns {HTMLElement}
 */
export function element(tag, className = '', content = []) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...(typeof content === 'string' ? [content] : content));
  return made;
}

/**
 * An icon of index.html's symbols.
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * A dismissible notice above the cards.
 * @param {string} key   a second notice of the same key replaces the first
 * @param {string} text
 * @param {{words: string, run: () => void}} [action]  a button beside it
 */
export function notice(key, text, action) {
  const box = byId('notices');
  const old = box.querySelector(`[data-key="${key}"]`);
  const close = element('button', 'button small');
  close.setAttribute('type', 'button');
  close.setAttribute('aria-label', 'Dismiss');
  close.append(icon('close'));
  const made = element('div', 'notice', [icon('alert'), element('p', '', text), close]);
  if (action) {
    const button = element('button', 'button small', action.words);
    button.setAttribute('type', 'button');
    button.addEventListener('click', action.run);
    close.before(button);
  }
  made.dataset.key = key;
  made.setAttribute('role', 'status');
  close.addEventListener('click', () => made.remove());
  if (old) old.replaceWith(made);
  else box.append(made);
}

/** Milliseconds for which a button says that it has copied. */
const COPIED_MS = 2000;

/**
 * A button that puts text on the clipboard and says so for a while; hidden where there is no clipboard.
 * @param {string} id
 * @param {() => string} textOf
 * @param {() => void} [onCopied]
 * @returns {() => void}  to be called when there is another text
 */
export function copyButton(id, textOf, onCopied) {
  const button = byId(id);
  button.hidden = !navigator.clipboard?.writeText;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const rest = () => {
    button.textContent = 'Copy';
  };
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(textOf());
      onCopied?.();
      button.textContent = 'Copied';
      clearTimeout(timer);
      timer = setTimeout(rest, COPIED_MS);
    } catch {
      notice('copy', 'The browser did not let this page copy. Select the text instead.');
    }
  });
  return rest;
}
