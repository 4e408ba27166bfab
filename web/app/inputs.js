// SPDX-License-Identifier: MIT
// Files from the visitor: chosen, dropped anywhere, or pasted. Sorts models from images by name.
import { byId } from './dom.js';

/**
 * @typedef {object} Handlers
 * @property {(files: File[]) => void} onPictures  one or more, videos too
 * @property {(file: File) => void} onModel
 * @property {(title: string, words: string) => void} onProblem
 */

/** @param {File} file @returns {boolean} */
const isModel = (file) => /\.(safetensors|pth|pt)$/i.test(file.name);

/**
 * @param {FileList | File[] | null | undefined} files
 * @param {Handlers} handlers
 * @returns {boolean} whether there was any
 */
function accept(files, { onPictures, onModel }) {
  const all = [...(files ?? [])];
  const model = all.find(isModel);
  const pictures = all.filter((file) => !isModel(file));
  if (model) onModel(model);
  if (pictures.length > 0) onPictures(pictures);
  return all.length > 0;
}

/**
 * A button that opens a file dialog.
 * @param {string} buttonId
 * @param {string} inputId
 * @param {(files: File[]) => void} onFiles
 */
function chooser(buttonId, inputId, onFiles) {
  /** @type {HTMLInputElement} */
  const input = byId(inputId);
  byId(buttonId).addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    onFiles([...(input.files ?? [])]);
    input.value = ''; // so that choosing the same file again is a change
  });
}

/**
 * The files that were dropped, and those in folders that were.
 * @param {DataTransfer | null} carrier
 * @returns {Promise<File[]>}
 */
async function droppedFiles(carrier) {
  const files = [...(carrier?.files ?? [])];
  const entries = [...(carrier?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return files;
  const found = await Promise.all(entries.map((entry) => (entry ? filesIn(entry) : [])));
  return found.flat();
}

/** @param {FileSystemEntry} entry @returns {Promise<File[]>} */
async function filesIn(entry) {
  if (entry.isFile)
    return [await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject))];
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {File[]} */
  const files = [];
  for (;;) {
    /** @type {FileSystemEntry[]} a hundred at most, none at the end */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return files;
    for (const each of some) if (!each.name.startsWith('.')) files.push(...(await filesIn(each)));
  }
}

/** @param {Handlers} handlers */
function dropZone(handlers) {
  const veil = byId('drop-veil');
  /** @param {DragEvent} event */
  const carriesFiles = (event) =>
    event.dataTransfer?.types.some((type) => type === 'Files' || type === 'text/uri-list') ?? false;
  document.addEventListener('dragenter', (event) => {
    if (carriesFiles(event)) veil.hidden = false;
  });
  document.addEventListener('dragover', (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) veil.hidden = true;
  });
  document.addEventListener('drop', async (event) => {
    veil.hidden = true;
    if (!carriesFiles(event) || event.defaultPrevented) return;
    event.preventDefault();
    if (!accept(await droppedFiles(event.dataTransfer), handlers)) {
      handlers.onProblem(
        'That was a link',
        'This page asks no other site for anything. Save the picture first, then drop the file.',
      );
    }
  });
}

/** @param {Handlers} handlers */
function clipboard(handlers) {
  document.addEventListener('paste', (event) => {
    if (event.target instanceof HTMLInputElement) return;
    if (accept(event.clipboardData?.files, handlers)) event.preventDefault();
    else handlers.onProblem('No picture in the clipboard', 'Copy a picture, not its address, then paste again.');
  });
  const button = byId('paste');
  button.hidden = !navigator.clipboard?.read;
  button.addEventListener('click', async () => {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((name) => name.startsWith('image/'));
        if (type) return handlers.onPictures([new File([await item.getType(type)], 'Pasted picture', { type })]);
      }
      return handlers.onProblem('No picture in the clipboard', 'Copy a picture first, then paste it here.');
    } catch {
      return handlers.onProblem(
        'The clipboard is closed to this page',
        'Allow it in the browser’s prompt, or press Ctrl+V or ⌘V instead.',
      );
    }
  });
}

/** @param {Handlers} handlers */
export function listenForFiles(handlers) {
  chooser('choose', 'file', (files) => accept(files, handlers));
  // Whatever is opened as a model is one that failed, not a picture.
  chooser('open-model', 'model-file', (files) => files.slice(0, 1).forEach(handlers.onModel));
  dropZone(handlers);
  clipboard(handlers);
}
