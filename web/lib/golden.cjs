// SPDX-License-Identifier: MIT
// `vit158/golden` for require(): as vit158.cjs. goldenText() is in the ES modules only.
const load = () => import('./golden.js');

/** @type {typeof import('./golden.js').record} */
module.exports.record = async (...args) => (await load()).record(...args);

/** @type {typeof import('./golden.js').recordPicture} */
module.exports.recordPicture = async (...args) => (await load()).recordPicture(...args);

/** @type {typeof import('./golden.js').verify} */
module.exports.verify = async (...args) => (await load()).verify(...args);
