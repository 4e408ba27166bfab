// SPDX-License-Identifier: MIT
import { join } from 'node:path';
import { Classifier } from 'vit158';

export const dynamic = 'force-dynamic';

export async function GET() {
  const answers = [];
  for (const options of [{}, { worker: true }, { threads: 2 }]) {
    const vit = await Classifier.load(join(process.cwd(), 'public/model.safetensors'), options);
    const {
      predictions: [best],
    } = await vit.classify(join(process.cwd(), 'public/cat.jpg'));
    const { workers, threads } = vit.info();
    answers.push([best.label, workers, threads]);
    vit.dispose();
  }
  return Response.json(answers);
}
