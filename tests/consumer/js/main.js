// SPDX-License-Identifier: MIT
// A user's page: classifies one image on the page and in a worker, and leaves what came out.
import { Classifier, Vit158Error } from 'vit158';

/** @param {import('vit158').LoadOptions} options */
async function run(options) {
  const vit = await Classifier.load('/model.safetensors', options);
  const { logitsSha256 } = await vit.classify('/picture.jpg');
  vit.dispose();
  return logitsSha256;
}

/** @param {string} address */
const refused = (address) =>
  Classifier.load(address).then(
    () => 'no error',
    (error) => error instanceof Vit158Error && `${error.code} ${error.message}`,
  );

Object.assign(globalThis, {
  consumed: (async () => ({
    page: await run({}),
    scalar: await run({ engine: 'scalar' }),
    worker: await run({ worker: true }),
    missing: await refused('/no-such-model.safetensors'),
  }))(),
});
