// SPDX-License-Identifier: MIT
// For tsc: what a user of TypeScript may and may not write, CommonJS.
import { Classifier, VERSION, decodeImage, type Classification, type LoadOptions } from 'vit158';
import { verify } from 'vit158/golden';
import inline = require('vit158/inline');
import { serveClassifier } from 'vit158/worker';

const options: LoadOptions = { threads: 1 };

export async function use(): Promise<string> {
    const vit: Classifier = await Classifier.load('m', options);
    const found: Classification = await vit.classify('x.png', { topK: 3 });
    const { channels } = await decodeImage('x.png');
    vit.dispose();
    return VERSION + found.predictions[0].label + channels;
}

export const loaded: Promise<Classifier> = inline.Classifier.load('m');
export const verified = async (): Promise<boolean> => (await verify('golden.json')).ok;
export const served: Promise<void> = serveClassifier();

// @ts-expect-error classes are in the ES modules only
export const NoClass = inline.Vit158Error;
// @ts-expect-error a number is no image
export const wrong = (vit: Classifier) => vit.classify(42);
