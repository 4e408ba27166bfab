// SPDX-License-Identifier: MIT
// What tests/node does with some hundred files under GNU parallel, with 20,000.
process.env.VIT158_SCALE_FILES = '20000';
await import('../node/scale.test.mjs');
