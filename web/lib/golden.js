// SPDX-License-Identifier: MIT
/** Entry of `vit158/golden`, which golden.d.ts documents. Importing it does nothing else. */
export { goldenText } from './golden_file.js';
export { record, recordPicture, verify } from './regression.js';
