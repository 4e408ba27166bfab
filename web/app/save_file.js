// SPDX-License-Identifier: MIT
// Hands a text or bytes to the visitor as a file of their own.

/**
 * @param {string} name
 * @param {string} type  MIME type
 * @param {string | Uint8Array<ArrayBuffer>[]} content  a text, or parts in order
 */
export function saveFile(name, type, content) {
  const url = URL.createObjectURL(new Blob(typeof content === 'string' ? [content] : content, { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000); // the browser may still be asking where to
}
