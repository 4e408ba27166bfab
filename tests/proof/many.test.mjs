// SPDX-License-Identifier: MIT
// What tests/browser does with some hundred images, with 1,000.
process.env.VIT158_MANY = '1000';
await import('../browser/many.test.mjs');
