// SPDX-License-Identifier: MIT
/** What require('vit158/worker') gives. */
import type * as esm from './worker_service.js' with { 'resolution-mode': 'import' };

export declare const serveClassifier: typeof esm.serveClassifier;
