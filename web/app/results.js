// SPDX-License-Identifier: MIT
// The predictions: a headline, five bars, and one spoken sentence for screen readers.
import { byId, element, notice } from './dom.js';
import { labelParts, percent } from './format.js';
import { certainty, sentence, unsureWords, untrainedWords } from './messages.js';

export const TOP_K = 5;

export class Results {
  #body = byId('results');
  /** @type {HTMLElement[]} */
  #rows = [...byId('bars').children].map((row) => /** @type {HTMLElement} */ (row));
  #spoken = '';
  /** The answer as text, for the clipboard. */
  #copied = '';
  /** @type {string[]} */
  #labels = [];
  /** Takes the place of how sure the model is; '' for one that was trained. */
  #untrained = '';

  constructor() {
    const button = byId('copy-answer');
    button.hidden = !navigator.clipboard?.writeText;
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(this.#copied);
        this.#announce('Copied.');
        button.textContent = 'Copied';
      } catch {
        notice('copy', 'The browser did not let this page copy. Select the text instead.');
      }
    });
  }

  /**
   * @param {string[]} labels  all labels of the model
   * @param {Record<string, string>} metadata of its file
   */
  setModel(labels, metadata) {
    this.#labels = labels;
    this.#untrained = untrainedWords(metadata);
    this.#rows.forEach((row, i) => (row.hidden = i >= labels.length));
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
  show({ predictions, unsure, logitsSha256 }, kind) {
    const first = predictions[0];
    const headline = unsure ? 'None of its classes' : labelParts(first.label, first.index)[0];
    const words = unsure
      ? unsureWords(this.#labels.length)
      : this.#untrained
        ? sentence(this.#untrained)
        : certainty(predictions);
    this.#show('done', headline, unsure ? '' : percent(first.score), words);
    this.#body.dataset.unsure = String(unsure);
    this.#rows.forEach((row, i) => this.#fill(row, predictions[i]));
    const lines = predictions.map(({ label, index, score }) => `${labelParts(label, index)[0]}: ${percent(score)}`);
    this.#setCopied((unsure ? [headline, ...lines] : lines).join('\n'));
    const code = byId('fingerprint-code');
    code.textContent = logitsSha256.slice(0, 12);
    code.title = `SHA-256 of the logits: ${logitsSha256}`;
    this.#body.dataset.logitsSha256 = logitsSha256;
    const share = `, ${Math.round(first.score * 100)} percent`;
    this.#announce(unsure ? words : `${headline}${kind === 'still' ? share : ''}.`);
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
    byId('copy-answer').textContent = 'Copy';
  }

  #clear() {
    this.#setCopied('');
    for (const row of this.#rows) this.#fill(row, undefined);
    byId('fingerprint-code').textContent = '';
    delete this.#body.dataset.logitsSha256;
  }

  /**
   * @param {HTMLElement} row
   * @param {{label: string, score: number, index: number} | undefined} prediction
   */
  #fill(row, prediction) {
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

  /** Live images would never stop talking: only what changed is said. @param {string} text */
  #announce(text) {
    if (text === this.#spoken) return;
    this.#spoken = text;
    byId('announce').textContent = text;
  }
}
