// SPDX-License-Identifier: MIT
// Keeps the visitor's classes in the browser: one record a model, by the SHA-256 of its file. Where the
// browser keeps nothing (private windows, some pages from a disk), reading gives nothing and writing
// says so.
const NAME = 'vit158';
const STORE = 'own-classes';

/** @returns {Promise<IDBDatabase>} */
function database() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.addEventListener('upgradeneeded', () => request.result.createObjectStore(STORE));
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error));
  });
}

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>} once it is on the disk
 */
async function inStore(mode, work) {
  const db = await database();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = db.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.addEventListener('complete', () => resolve(request.result));
      transaction.addEventListener('error', () => reject(transaction.error));
      transaction.addEventListener('abort', () => reject(transaction.error));
    });
  } finally {
    db.close();
  }
}

/** @param {string} model  SHA-256 of its file @returns {Promise<import('./teach.js').Taught | null>} */
export const keptClasses = (model) =>
  inStore('readonly', (store) => store.get(model)).then(
    (kept) => kept ?? null,
    () => null,
  );

/**
 * @param {string} model
 * @param {import('./teach.js').Taught} taught
 * @returns {Promise<boolean>} whether it is kept
 */
export const keepClasses = (model, taught) =>
  inStore('readwrite', (store) => store.put(taught, model)).then(
    () => true,
    () => false,
  );
