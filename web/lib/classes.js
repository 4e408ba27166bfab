// SPDX-License-Identifier: MIT
/** Entry of `vit158/classes`, which classes.d.ts documents. Importing it does nothing else. */
export { classesText } from './classes_file.js';
export { OwnClasses } from './own_classes.js';
