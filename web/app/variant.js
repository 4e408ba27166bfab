// SPDX-License-Identifier: MIT
// Which of the engine's two builds runs in this browser; the page's worker and the panels' ask here.
import { hasSimd128 } from '../lib/vit158.js';

/**
 * @param {'auto' | 'scalar'} wanted
 * @returns {{engine: 'simd128' | 'scalar', module: 'vit158' | 'vit158-scalar'}}  as the library and
 *   resources.js name it
 */
export const variantHere = (wanted) =>
  wanted === 'scalar' || !hasSimd128()
    ? { engine: 'scalar', module: 'vit158-scalar' }
    : { engine: 'simd128', module: 'vit158' };
