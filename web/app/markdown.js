// SPDX-License-Identifier: MIT
// The documents and model cards as they are written, in Markdown, turned into what a page shows. Only what
// they use: headings, paragraphs, lists, tables, quotations, code, bold, links and images. What it cannot
// read stays text; nothing is ever taken as HTML.

/**
 * An element to be.
 * @typedef {object} Piece
 * @property {string} tag
 * @property {(Piece | string)[]} children
 * @property {string} [href]  of a link, as written
 * @property {string} [src]   of an image, as written
 */

/** @param {string} tag @param {(Piece | string)[]} children @returns {Piece} */
const piece = (tag, children) => ({ tag, children });

const HEADING = /^(#{1,6}) +(.*?)#*\s*$/;
const FENCE = /^ {0,3}```/;
const ITEM = /^ {0,3}([-*]|\d+\.) +/;
const QUOTE = /^ {0,3}> ?/;
const CODE = /^( {4}|\t)/;
const RULE = /^ {0,3}\|?( *:?-+:? *\|)+ *(:?-+:? *)?$/;

/** Code, image, link, address, bold: the first that matches. */
const INLINE = /`([^`]+)`|!\[([^\]]*)\]\(([^)\s]+)\)|\[([^\]]+)\]\(([^)\s]+)\)|<(https?:[^>\s]+)>|\*\*(.+?)\*\*/;

/** @param {string} text @returns {(Piece | string)[]} */
function inline(text) {
  /** @type {(Piece | string)[]} */
  const out = [];
  for (let rest = text; rest;) {
    const found = INLINE.exec(rest);
    if (!found) return [...out, rest];
    const [all, code, alt, src, words, href, address, bold] = found;
    if (found.index > 0) out.push(rest.slice(0, found.index));
    if (code !== undefined) out.push(piece('code', [code]));
    else if (src !== undefined) out.push({ ...piece('img', [alt]), src });
    else if (href !== undefined) out.push({ ...piece('a', inline(words)), href });
    else if (address !== undefined) out.push({ ...piece('a', [address]), href: address });
    else out.push(piece('strong', inline(bold)));
    rest = rest.slice(found.index + all.length);
  }
  return out;
}

/** @param {string} line of a table @returns {string[]} */
function cellsOf(line) {
  const inner = line.trim().replace(/^\|/, '').replace(/\|$/, '');
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** @param {string[]} lines  the first two are the head and the rule below it @returns {Piece} */
function tableOf([head, , ...rows]) {
  const row = (/** @type {string} */ line, /** @type {string} */ tag) =>
    piece(
      'tr',
      cellsOf(line).map((cell) => piece(tag, inline(cell))),
    );
  const titles = cellsOf(head).some(Boolean) ? [piece('thead', [row(head, 'th')])] : [];
  const body = piece(
    'tbody',
    rows.map((line) => row(line, 'td')),
  );
  return piece('table', [...titles, body]);
}

/** Lines that have not been read yet. */
class Lines {
  #lines;
  #at = 0;

  /** @param {string[]} lines */
  constructor(lines) {
    this.#lines = lines;
  }

  /** @returns {string | undefined} the next, undefined at the end */
  peek(ahead = 0) {
    return this.#lines[this.#at + ahead];
  }

  /**
   * Takes the next line whatever it is, and those after it for as long as they fit.
   * @param {(line: string) => boolean} fits
   * @returns {string[]}
   */
  takeWhile(fits) {
    const from = this.#at++;
    while (this.#at < this.#lines.length && fits(this.#lines[this.#at])) this.#at++;
    return this.#lines.slice(from, this.#at);
  }
}

/** @param {string} line */
const startsBlock = (line) => line.trim() === '' || [HEADING, FENCE, ITEM, QUOTE].some((pattern) => pattern.test(line));

/** @param {string[]} lines @returns {Piece[]} */
function blocksOf(lines) {
  const left = new Lines(lines);
  /** @type {Piece[]} */
  const out = [];
  for (let line = left.peek(); line !== undefined; line = left.peek()) {
    const heading = HEADING.exec(line);
    if (line.trim() === '') left.takeWhile(() => false);
    else if (heading) {
      left.takeWhile(() => false);
      out.push(piece(`h${heading[1].length}`, inline(heading[2])));
    } else if (FENCE.test(line)) {
      const [, ...code] = left.takeWhile((next) => !FENCE.test(next));
      if (left.peek() !== undefined) left.takeWhile(() => false);
      out.push(piece('pre', [code.join('\n')]));
    } else if (CODE.test(line)) {
      const code = left.takeWhile((next) => CODE.test(next) || next.trim() === '');
      out.push(
        piece('pre', [
          code
            .map((one) => one.replace(CODE, ''))
            .join('\n')
            .trimEnd(),
        ]),
      );
    } else if (QUOTE.test(line)) {
      const quoted = left.takeWhile((next) => QUOTE.test(next)).map((one) => one.replace(QUOTE, ''));
      out.push(piece('blockquote', blocksOf(quoted)));
    } else if (ITEM.test(line)) {
      out.push(listOf(left, line));
    } else if (line.includes('|') && RULE.test(left.peek(1) ?? '')) {
      out.push(tableOf(left.takeWhile((next) => next.includes('|'))));
    } else {
      out.push(
        piece(
          'p',
          inline(
            left
              .takeWhile((next) => !startsBlock(next))
              .map((one) => one.trim())
              .join(' '),
          ),
        ),
      );
    }
  }
  return out;
}

/** @param {Lines} left @param {string} first line @returns {Piece} */
function listOf(left, first) {
  /** @type {Piece[]} */
  const items = [];
  for (let line = left.peek(); line !== undefined && ITEM.test(line); line = left.peek()) {
    const own = left.takeWhile(
      (next) => next.trim() !== '' && !ITEM.test(next) && !HEADING.test(next) && !FENCE.test(next),
    );
    items.push(piece('li', inline(own.map((one) => one.replace(ITEM, '').trim()).join(' '))));
  }
  return piece(/\d/.test(first.trimStart()[0]) ? 'ol' : 'ul', items);
}

/** @param {string} text Markdown @returns {Piece[]} */
export const parseMarkdown = (text) => blocksOf(text.replace(/\r\n?/g, '\n').split('\n'));

/** @param {string} text Markdown @returns {string} its first heading, '' if it has none */
export function titleOf(text) {
  const heading = parseMarkdown(text).find(({ tag }) => tag === 'h1');
  return heading ? wordsOf(heading) : '';
}

/** @param {Piece | string} one @returns {string} */
function wordsOf(one) {
  return typeof one === 'string' ? one : one.children.map(wordsOf).join('');
}
