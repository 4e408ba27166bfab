// SPDX-License-Identifier: MIT
// `vit158/classes` for require(): as vit158.cjs. The constructor and classesText() are in the ES modules only.
module.exports.OwnClasses = {
  /** @type {typeof import('./classes.js').OwnClasses.load} */
  load: async (source, options) => (await import('./classes.js')).OwnClasses.load(source, options),
};
