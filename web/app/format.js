// SPDX-License-Identifier: MIT
// Numbers and names for people. Pure functions.

/** @param {number} ms @returns {string} like "0.42 ms", "12.3 ms", "1.25 s" */
export function duration(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms >= 99.95 ? 0 : ms >= 9.995 ? 1 : 2)} ms`;
}

/** @param {number} bytes @returns {string} decimal units: "452 kB", "1.23 MB" */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999500) return `${Math.round(bytes / 1000)} kB`;
  const mb = bytes / 1e6;
  return `${mb.toFixed(mb < 9.995 ? 2 : mb < 99.95 ? 1 : 0)} MB`;
}

/** @param {number} share 0..1 @returns {string} never "100%" or "0%" unless it is exactly so */
export function percent(share) {
  if (share > 0 && share < 0.001) return '<0.1%';
  if (share < 1 && share >= 0.9995) return '>99.9%';
  return `${(share * 100).toFixed(1)}%`;
}

/** @param {number} n @returns {string} "5.72 M", "823 k" */
export function count(n) {
  if (n < 1000) return String(n);
  if (n < 999500) return `${Math.round(n / 1000)} k`;
  return `${(n / 1e6).toFixed(n < 99.5e6 ? 2 : 0)} M`;
}

/** @param {number} perSecond @returns {string} */
export function rate(perSecond) {
  return perSecond >= 10 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

/**
 * ImageNet labels list synonyms: "tench, Tinca tinca" is "tench" and "Tinca tinca".
 * @param {string} label
 * @param {number} index  stands in for an empty label
 * @returns {[string, string]}
 */
export function labelParts(label, index) {
  if (!label) return [`class ${index}`, ''];
  const comma = label.indexOf(',');
  return comma < 0 ? [label, ''] : [label.slice(0, comma), label.slice(comma + 1).trim()];
}

/**
 * @param {number} loaded
 * @param {number} total
 * @param {number} ms  since the first byte was waited for
 * @returns {string} ", 12 s left", '' while it cannot be said
 */
export function timeLeft(loaded, total, ms) {
  if (ms < 500 || loaded <= 0 || loaded >= total) return '';
  const seconds = Math.ceil(((total - loaded) / loaded) * (ms / 1000));
  return seconds < 90 ? `, ${seconds} s left` : `, ${Math.round(seconds / 60)} min left`;
}
