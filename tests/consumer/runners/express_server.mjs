// SPDX-License-Identifier: MIT
// POST an image, get its label; many at once.
import { createRequire } from 'node:module';
import express from 'express';
import { Classifier, Vit158Error } from 'vit158';

const MODEL = createRequire(import.meta.url).resolve('vit158/models/vit158-cifar10.safetensors');
const vit = await Classifier.load(MODEL, { worker: 2 });
const app = express();

app.post('/classify', express.raw({ type: 'image/*', limit: '20mb' }), async (request, response) => {
  try {
    const {
      predictions: [best],
    } = await vit.classify(request.body, { topK: 1, deadlineMs: 10_000 });
    response.json(best);
  } catch (error) {
    if (!(error instanceof Vit158Error)) throw error;
    response.status(error.code === 'E_ABORT' ? 503 : 415).json({ code: error.code, message: error.message });
  }
});

const server = app.listen(0, async () => {
  const { port } = server.address();
  const { readFile } = await import('node:fs/promises');
  const post = async (body) =>
    (
      await fetch(`http://localhost:${port}/classify`, {
        method: 'POST',
        headers: { 'content-type': 'image/jpeg' },
        body,
      })
    ).json();
  const cat = await readFile('cat.jpg');
  const answers = await Promise.all([cat, cat, cat, Buffer.from('hello')].map(post));
  console.log(JSON.stringify(answers.map(({ label, code }) => label ?? code)));
  server.close();
  vit.dispose();
});
