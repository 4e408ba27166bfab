// SPDX-License-Identifier: MIT
// What tests/node does with some images, with twice as many.
process.env.VIT158_UNSURE_ALL = '1';
await import('../node/unsure.test.mjs');
