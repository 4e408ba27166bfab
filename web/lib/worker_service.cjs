// SPDX-License-Identifier: MIT
// `vit158/worker` for require(), in a worker of Node.
module.exports.serveClassifier = async () => (await import('./worker_service.js')).serveClassifier();
