// SPDX-License-Identifier: MIT
/** The interface of "vit158", with the WebAssembly modules inside the JavaScript; one thread an image. */
export * from './vit158.js';
