// SPDX-License-Identifier: MIT
/** What a model merges, by the names that callers have for it (src/engine/merge_schedule.h). */

/** Those that a model's metadata may have a list for. */
export const MERGE_NAMES = /** @type {const} */ (['fast', 'faster', 'fastest']);

/** The metadata key of a name's list. @param {string} name */
export const mergeKey = (name) => `merge_${name}`;

/**
 * The list that a name or list which the engine has taken stands for, as C writes it: in order of
 * blocks, without those that merge nothing; "off" if nothing is left.
 * @param {string} merge
 * @param {Record<string, string>} metadata of the model
 */
export function mergesOf(merge, metadata) {
  const list = /** @type {readonly string[]} */ (MERGE_NAMES).includes(merge) ? metadata[mergeKey(merge)] : merge;
  if (list === 'off') return 'off';
  const pairs = list
    .split(',')
    .map((pair) => pair.split(':').map(Number))
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => a - b);
  return pairs.map((pair) => pair.join(':')).join(',') || 'off';
}
