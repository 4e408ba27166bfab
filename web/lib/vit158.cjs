// SPDX-License-Identifier: MIT
// The entry for require(): the package is ES modules, which Node 18 cannot require(), so this loads
// them at the first call. It has only what answers with a promise anyway; vit158.d.cts lists it.
const load = () => import('./vit158.js');

module.exports.VERSION = require('../../package.json').version;

module.exports.Classifier = {
  load: async (source, options) => (await load()).Classifier.load(source, options),
};

module.exports.decodeImage = async (image, options) => (await load()).decodeImage(image, options);
