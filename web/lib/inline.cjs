// SPDX-License-Identifier: MIT
// `vit158/inline` for require(): as vit158.cjs.
const load = () => import('./inline.js');

module.exports.VERSION = require('../../package.json').version;

module.exports.Classifier = {
  load: async (source, options) => (await load()).Classifier.load(source, options),
};

module.exports.decodeImage = async (image, options) => (await load()).decodeImage(image, options);
