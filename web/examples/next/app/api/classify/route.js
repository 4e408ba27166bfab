// SPDX-License-Identifier: MIT
// POST a picture, get the three best guesses. One classifier serves all requests; ?workers=2 shows it with
// workers, ?threads=2 with threads inside one picture.
import { join } from 'node:path';
import { Classifier } from 'vit158';

export const dynamic = 'force-dynamic';

const MODEL = join(process.cwd(), 'public/vit158-imagenet.safetensors');

/** Loaded when it is first asked for, by its options. @type {Map<string, Promise<Classifier>>} */
const loaded = new Map();

/** @param {number} worker @param {number} threads */
function classifier(worker, threads) {
  const key = `${worker} ${threads}`;
  if (!loaded.has(key)) loaded.set(key, Classifier.load(MODEL, { worker: worker > 0 && worker, threads }));
  return loaded.get(key);
}

/** @param {Request} request */
export async function POST(request) {
  const { searchParams } = new URL(request.url);
  const [workers, threads] = ['workers', 'threads'].map((name) => Number(searchParams.get(name) ?? 0));
  try {
    const vit = await classifier(workers, threads || 1);
    const { predictions } = await vit.classify(await request.arrayBuffer(), { topK: 3 });
    const info = vit.info();
    return Response.json({ predictions, workers: info.workers, threads: info.threads });
  } catch (error) {
    return Response.json({ code: error.code, message: error.message }, { status: 400 });
  }
}
