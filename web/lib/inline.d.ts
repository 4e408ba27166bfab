// SPDX-License-Identifier: MIT
/** The interface of "vit158", with the WebAssembly modules inside the JavaScript; one thread a picture. */
export * from './vit158.js';
