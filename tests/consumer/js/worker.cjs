// SPDX-License-Identifier: MIT
require('vit158/worker').serveClassifier();
