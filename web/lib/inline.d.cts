// SPDX-License-Identifier: MIT
/** What require('vit158/inline') gives. */
export * from './vit158.cjs';
