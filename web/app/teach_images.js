// SPDX-License-Identifier: MIT
// The images of the visitor's own classes as class folders, as `vit158 finetune` takes them. No DOM.
import { fromBase64 } from './teach.js';

/** @param {string} name of a class @returns {string} a folder's name on every system */
function folderName(name) {
  const plain = name.replace(/[\u0000-\u001f<>:"/\\|?*]/g, '-').replace(/^\.+|[. ]+$/g, '');
  return plain || 'unnamed';
}

/**
 * @param {import('./teach.js').Taught} taught
 * @returns {{files: import('./zip_write.js').ZipFile[], without: number}}  CLASS/0001.jpg and so on;
 *   how many examples have no image, because they came from a file of classes
 */
export function classFolders({ classes }) {
  /** @type {import('./zip_write.js').ZipFile[]} */
  const files = [];
  /** @type {Set<string>} */
  const taken = new Set();
  let without = 0;
  for (const { name, examples } of classes) {
    const wanted = folderName(name);
    let folder = wanted;
    for (let n = 2; taken.has(folder.toLowerCase()); n++) folder = `${wanted} ${n}`;
    taken.add(folder.toLowerCase());
    for (const [i, { image = '' }] of examples.entries()) {
      const bytes = fromBase64(image);
      if (bytes?.length) files.push({ name: `${folder}/${String(i + 1).padStart(4, '0')}.jpg`, bytes });
      else without++;
    }
  }
  return { files, without };
}
