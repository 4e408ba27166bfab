// SPDX-License-Identifier: MIT
// The documents of the page and the cards of models, shown in a dialog. Links among documents lead to one
// another; links elsewhere are the visitor's to follow.
import { byId, element } from './dom.js';
import { parseMarkdown } from './markdown.js';
import { documentAddress, fetchDocument } from './resources.js';

/** @typedef {import('./markdown.js').Piece} Piece */

/** A link elsewhere. */
const ADDRESS = /^https?:/;

/** Wanted last; a document that comes later than another is dropped. */
let wanted = '';

/**
 * Shows a document.
 * @param {string} file    its path in the repository
 * @param {string} [part]  id of one of its headings, as links name it
 */
export async function openDocument(file, part = '') {
  /** @type {HTMLDialogElement} */
  const dialog = byId('document');
  const body = byId('document-body');
  wanted = file;
  byId('document-title').textContent = file;
  body.replaceChildren(element('p', 'quiet', 'Fetching it…'));
  if (!dialog.open) {
    byId('document-close').onclick = () => dialog.close();
    dialog.showModal();
  }
  try {
    const text = await fetchDocument(file);
    if (file !== wanted) return;
    const isMarkdown = /\.md$/.test(file);
    body.replaceChildren(
      ...(isMarkdown ? parseMarkdown(text).map((one) => nodeOf(one, file)) : [element('pre', '', text)]),
    );
    body.scrollTop = 0;
    if (part) document.getElementById(headingId(part))?.scrollIntoView();
  } catch (error) {
    if (file !== wanted) return;
    const words = `It could not be fetched: ${/** @type {Error} */ (error).message}`;
    body.replaceChildren(element('p', '', words));
  }
}

/** @param {Piece | string} one @param {string} file that it stands in @returns {Node} */
function nodeOf(one, file) {
  if (typeof one === 'string') return document.createTextNode(one);
  const { tag, children, href = '', src = '' } = one;
  if (tag === 'img') return imageOf(resolve(src, file), String(children[0]));
  const inside = children.map((child) => nodeOf(child, file));
  if (tag === 'a') return linkOf(href, file, inside);
  // The dialog has a second heading of the page; those of the document come below it.
  const level = /^h([1-5])$/.exec(tag);
  const made = element(level ? `h${Math.min(6, Number(level[1]) + 2)}` : tag, '', inside);
  if (level) made.id = headingId(made.textContent ?? '');
  if (tag === 'pre') made.tabIndex = 0; // it may be wider than the dialog
  if (tag !== 'table') return made;
  const box = element('div', 'document-table', [made]);
  box.tabIndex = 0;
  return box;
}

/** @param {string} href @param {string} file @param {Node[]} inside @returns {HTMLElement} */
function linkOf(href, file, inside) {
  const target = ADDRESS.test(href) ? '' : resolve(href, file);
  const part = target && (/#(.+)$/.exec(href)?.[1] ?? '');
  const address = target ? documentAddress(target) : href;
  if (address === null) return element('span', '', inside);
  const link = /** @type {HTMLAnchorElement} */ (element('a', '', inside));
  link.href = address;
  link.rel = 'noreferrer';
  if (target)
    link.addEventListener('click', (event) => {
      event.preventDefault();
      openDocument(target, part);
    });
  return link;
}

/** The id of a heading by its words, as Markdown's readers make it of them. @param {string} words */
const headingId = (words) =>
  `document-${words
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .trim()
    .replace(/\s/g, '-')}`;

/** @param {string} href @param {string} file that names it @returns {string} a path in the repository */
const resolve = (href, file) => new URL(href, `file:///${file}`).pathname.slice(1);

/** @param {string} path @param {string} alt @returns {HTMLElement} */
function imageOf(path, alt) {
  const address = documentAddress(path);
  if (address === null) return element('span', 'quiet', alt);
  const image = /** @type {HTMLImageElement} */ (element('img'));
  image.src = address;
  image.alt = alt;
  return image;
}
