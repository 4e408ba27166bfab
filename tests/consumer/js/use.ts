// SPDX-License-Identifier: MIT
// For tsc: what a user of TypeScript may and may not write, ES modules.
import { Classifier, Vit158Error, decodeImage, type Classification, type ErrorCode } from 'vit158';
import { verify } from 'vit158/golden';
import { Classifier as Inline } from 'vit158/inline';
import { serveClassifier } from 'vit158/worker';

export async function use(signal: AbortSignal): Promise<string> {
  const vit = await Classifier.load(new URL('http://localhost/m'), {
    signal,
    engine: 'scalar',
    onProgress: ({ loaded, total }) => void (loaded / total),
    threads: 'auto',
  });
  try {
    const found: Classification = await vit.classify(
      { data: new Uint8Array(3), width: 1, height: 1 },
      { topK: 3, explain: true, deadlineMs: 100 },
    );
    const rows: number = found.attention?.rollout.length ?? (await decodeImage('x.png')).channels;
    return found.predictions[0].label + rows + vit.info().model.dim;
  } catch (error) {
    const code: ErrorCode | undefined = error instanceof Vit158Error ? error.code : undefined;
    return code ?? '';
  } finally {
    vit.dispose();
  }
}

export const inline: Promise<Classifier> = Inline.load(new Uint8Array(9), { worker: 2 });
export const verified = async (): Promise<boolean> => (await verify('golden.json')).ok;
export const served: Promise<void> = serveClassifier();

// @ts-expect-error there is no such engine
Classifier.load('m', { engine: 'mmx' });
// @ts-expect-error a number is no image
export const wrong = (vit: Classifier) => vit.classify(42);
// @ts-expect-error made by load only
new Classifier();
