// SPDX-License-Identifier: MIT
// Which file a bench means by a model's name.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Standard ViT/16 geometries by `vit158 synth --arch`. */
export const ARCHITECTURES = { tiny: 'ti', small: 's', base: 'b', large: 'l' };

/**
 * The file of a model: one of models/, a file, or one of the standard geometries, which is made.
 * @param {string} name
 */
export function modelFile(name) {
  const collected = join(ROOT, 'models', `${name}.safetensors`);
  if (!(name in ARCHITECTURES)) return existsSync(collected) ? collected : name;
  const file = join(ROOT, 'build/bench', `vit-${name}-ternary.safetensors`);
  if (existsSync(file)) return file;
  const command = join(ROOT, 'build/native/vit158');
  if (!existsSync(command)) throw new Error(`${name}: needs the native command; run: npm run build:native`);
  mkdirSync(join(ROOT, 'build/bench'), { recursive: true });
  const arch = ARCHITECTURES[/** @type {keyof ARCHITECTURES} */ (name)];
  const made = spawnSync(command, ['synth', '--arch', arch, '-o', file], { stdio: ['ignore', 2, 2] });
  if (made.status !== 0) throw new Error(`${name}: vit158 synth failed`);
  return file;
}
