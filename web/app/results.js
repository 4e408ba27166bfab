// SPDX-License-Identifier: MIT
// The predictions: a headline, bars for as many guesses as are wanted, and one spoken sentence for screen
// readers.
import { byId, copyButton, element } from './dom.js';
import { labelParts, percent } from './format.js';
import { HEADLESS_WORDS, certainty, fewWords, sentence, unsureWords, untrainedWords } from './messages.js';

/** Guesses that are asked for: the most that can be shown of them. */
export const TOP_K = 10;

export class Results {
  #body = byId('results');
  #bars = byId('bars');
  /** @type {HTMLSelectElement} */
  #guesses = byId('guesses');
  /** @type {HTMLInputElement} */
  #least = byId('least');
  #spoken = '';
  /** The answer as text, for the clipboard. */
  #copied = '';
  /** @type {string[]} */
  #labels = [];
  /** Takes the place of how sure the model is; '' for one that was trained. */
  #untrained = '';
  /** @type {() => void} */
  #restCopy;
  /** What is shown. @type {[import('./service_messages.js').Outcome, 'still' | 'live'] | null} */
  #shown = null;

  constructor() {
    this.#restCopy = copyButton(
      'copy-answer',
      () => this.#copied,
      () => this.#announce('Copied.'),
    );
    for (const control of [this.#guesses, this.#least])
      control.addEventListener('input', () => {
        byId('least-words').textContent = `${this.#least.value}%`;
        this.#makeRows();
        if (this.#shown) this.show(...this.#shown);
      });
  }

  /**
   * @param {string[]} labels  all labels of the model
   * @param {Record<string, string>} metadata of its file
   */
  setModel(labels, metadata) {
    this.#labels = labels;
    this.#untrained = untrainedWords(metadata);
    this.#makeRows();
  }

  /** As many rows as guesses are wanted, and the model has classes. */
  #makeRows() {
    const wanted = Math.min(Number(this.#guesses.value), this.#labels.length);
    while (this.#bars.children.length < wanted) this.#bars.append(newRow());
    while (this.#bars.children.length > wanted) this.#bars.lastElementChild?.remove();
  }

  /** @param {string} title @param {string} words */
  showWaiting(title, words) {
    this.#show('loading', title, '', words);
    this.#clear();
  }

  /** @param {string} title @param {string} words */
  showError(title, words) {
    this.#show('error', title, '', words);
    this.#clear();
    this.#announce(`${title}. ${words}`);
  }

  /**
   * @param {import('./service_messages.js').Outcome} outcome
   * @param {'still' | 'live'} kind
   */
  show(outcome, kind) {
    this.#shown = [outcome, kind];
    const { predictions, unsure, logitsSha256 } = outcome;
    const first = predictions[0];
    if (!first) {
      this.#showHeadless(outcome, kind);
      return;
    }
    const least = Number(this.#least.value) / 100;
    const isFew = first.score < least;
    const headline = unsure ? 'None of its classes' : isFew ? 'No guess' : labelParts(first.label, first.index)[0];
    const words = unsure
      ? unsureWords(this.#labels.length)
      : isFew
        ? fewWords(first, least)
        : this.#untrained
          ? sentence(this.#untrained)
          : certainty(predictions);
    this.#show('done', headline, unsure || isFew ? '' : percent(first.score), words);
    this.#body.dataset.unsure = String(unsure);
    const shown = predictions.slice(0, this.#bars.children.length).filter(({ score }) => score >= least);
    [...this.#bars.children].forEach((row, i) => fillRow(/** @type {HTMLElement} */ (row), shown[i]));
    const lines = shown.map(({ label, index, score }) => `${labelParts(label, index)[0]}: ${percent(score)}`);
    this.#setCopied((unsure || isFew ? [headline, ...lines] : lines).join('\n'));
    this.#setFingerprint(logitsSha256);
    const share = `, ${Math.round(first.score * 100)} percent`;
    this.#announce(unsure || isFew ? words : `${headline}${kind === 'still' ? share : ''}.`);
  }

  /**
   * Of a model without classes there is a fingerprint only.
   * @param {import('./service_messages.js').Outcome} outcome
   * @param {'still' | 'live'} kind
   */
  #showHeadless({ logitsSha256 }, kind) {
    this.#clear();
    this.#show('done', 'No classes', '', HEADLESS_WORDS);
    this.#setFingerprint(logitsSha256);
    if (kind === 'still') this.#announce(HEADLESS_WORDS);
  }

  /** @param {string} sha256 of the logits */
  #setFingerprint(sha256) {
    const code = byId('fingerprint-code');
    code.textContent = sha256.slice(0, 12);
    code.title = `SHA-256 of the logits: ${sha256}`;
    this.#body.dataset.logitsSha256 = sha256;
  }

  /**
   * @param {string} state
   * @param {string} title
   * @param {string} score
   * @param {string} words
   */
  #show(state, title, score, words) {
    this.#body.dataset.state = state;
    byId('verdict-label').textContent = title;
    byId('verdict-label').title = title;
    byId('verdict-score').textContent = score;
    byId('verdict-words').textContent = words;
  }

  /** @param {string} text  '' for nothing to copy */
  #setCopied(text) {
    if (text === this.#copied) return;
    this.#copied = text;
    /** @type {HTMLButtonElement} */ (byId('copy-answer')).disabled = text === '';
    this.#restCopy();
  }

  #clear() {
    this.#shown = null;
    this.#setCopied('');
    for (const row of this.#bars.children) fillRow(/** @type {HTMLElement} */ (row), undefined);
    byId('fingerprint-code').textContent = '';
    delete this.#body.dataset.logitsSha256;
  }

  /** Live images would never stop talking: only what changed is said. @param {string} text */
  #announce(text) {
    if (text === this.#spoken) return;
    this.#spoken = text;
    byId('announce').textContent = text;
  }
}

/** @returns {HTMLElement} a row without a guess */
function newRow() {
  const track = element('div', 'bar-track', [element('div', 'bar-fill')]);
  return element('li', 'bar', [element('span', 'bar-label', '–'), element('span', 'bar-score'), track]);
}

/**
 * @param {HTMLElement} row
 * @param {{label: string, score: number, index: number} | undefined} prediction
 */
function fillRow(row, prediction) {
  const [label, score, track] = /** @type {HTMLElement[]} */ ([...row.children]);
  const fill = /** @type {HTMLElement} */ (track.firstElementChild);
  fill.style.setProperty('--score', String(prediction?.score ?? 0));
  score.textContent = prediction ? percent(prediction.score) : '';
  if (!prediction) {
    label.replaceChildren('–');
    return;
  }
  const [name, others] = labelParts(prediction.label, prediction.index);
  label.replaceChildren(name, ...(others ? [element('small', '', others)] : []));
  label.title = prediction.label;
}
