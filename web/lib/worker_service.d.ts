// SPDX-License-Identifier: MIT
/**
 * Makes the calling worker serve a Classifier that was loaded with `newWorker`. The worker's module calls it
 * right away:
 *
 *     import { serveClassifier } from 'vit158/worker';
 *     serveClassifier();
 */
export declare function serveClassifier(): Promise<void>;
