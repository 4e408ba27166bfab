// SPDX-License-Identifier: MIT
// A tiny float model for tests of what makes others from it.
import { writeFileSync } from 'node:fs';

const D = 32;
const F = 64;
export const CLASSES = 5;

/** A float Vision Transformer with random weights, 32 x 32 RGB, 17 tokens, 2 blocks. @param {string} path */
export function writeFloatModel(path) {
  /** @type {[string, number[], number][]} name, shape, mean */
  const tensors = [
    ['cls_token', [1, 1, D], 0],
    ['pos_embed', [1, 17, D], 0],
    ['patch_embed.proj.weight', [D, 3, 8, 8], 0],
    ['patch_embed.proj.bias', [D], 0],
    ['norm.weight', [D], 1],
    ['norm.bias', [D], 0],
    ['head.weight', [CLASSES, D], 0],
    ['head.bias', [CLASSES], 0],
  ];
  for (const block of ['blocks.0', 'blocks.1']) {
    for (const [name, rows, cols] of /** @type {[string, number, number][]} */ ([
      ['attn.qkv', 3 * D, D],
      ['attn.proj', D, D],
      ['mlp.fc1', F, D],
      ['mlp.fc2', D, F],
    ]))
      tensors.push([`${block}.${name}.weight`, [rows, cols], 0], [`${block}.${name}.bias`, [rows], 0]);
    for (const norm of ['norm1', 'norm2'])
      tensors.push([`${block}.${norm}.weight`, [D], 1], [`${block}.${norm}.bias`, [D], 0]);
  }
  let state = 7;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  /** @type {Record<string, object>} */
  const header = {
    __metadata__: {
      heads: '2',
      mean: '0.5,0.5,0.5',
      std: '0.5,0.5,0.5',
      labels: '["a","b","c","d","e"]',
      weights: 'float',
    },
  };
  const values = [];
  for (const [name, shape, mean] of tensors) {
    const begin = values.length * 4;
    for (let i = shape.reduce((a, b) => a * b); i > 0; i--) values.push(mean + 0.3 * uniform());
    header[name] = { dtype: 'F32', shape, data_offsets: [begin, values.length * 4] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(path, Buffer.concat([length, json, Buffer.from(Float32Array.from(values).buffer)]));
}
