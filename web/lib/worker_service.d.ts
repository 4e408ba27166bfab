// SPDX-License-Identifier: MIT
/**
 * Makes the calling worker one of a Classifier that was loaded with `newWorker`. To be called at once
 * by the worker's module:
 *
 *     import { serveClassifier } from 'vit158/worker';
 *     serveClassifier();
 */
export declare function serveClassifier(): Promise<void>;
