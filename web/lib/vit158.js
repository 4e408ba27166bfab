// SPDX-License-Identifier: MIT
/** The package's entry; vit158.d.ts documents it. Importing it does nothing else. */
export { Classifier } from './classifier.js';
export { decodeImage } from './decode_image.js';
export { hasSimd128 } from './detect.js';
export { Vit158Error } from './errors.js';
export { VERSION } from './version.js';
