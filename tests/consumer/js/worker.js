// SPDX-License-Identifier: MIT
import { serveClassifier } from 'vit158/worker';

serveClassifier();
