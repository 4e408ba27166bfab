// SPDX-License-Identifier: MIT
/** One worker of a pooled classifier. */
import { serveClassifier } from './worker_service.js';

serveClassifier();
