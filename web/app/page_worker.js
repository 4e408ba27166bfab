// SPDX-License-Identifier: MIT
// The page's worker: hands messages to the service. All work is there.
import { wasmModule } from './resources.js';
import { REPLY } from './service_messages.js';
import { Service } from './service.js';
import { variantHere } from './variant.js';
// Everything that the service leads to, named here so that it is fetched side by side and not one
// file after the other as each names the next; tests/node/page_parts.test.mjs keeps the list whole.
import './canvas.js';
import './pixels.js';
import '../lib/abort.js';
import '../lib/classifier.js';
import '../lib/decode_image.js';
import '../lib/decoder.js';
import '../lib/detect.js';
import '../lib/engine.js';
import '../lib/errors.js';
import '../lib/file_hash.js';
import '../lib/heap.js';
import '../lib/image_input.js';
import '../lib/kinds.js';
import '../lib/load_wasm.js';
import '../lib/merges.js';
import '../lib/model_stream.js';
import '../lib/options.js';
import '../lib/pace.js';
import '../lib/pixel_rows.js';
import '../lib/platform.js';
import '../lib/sha256.js';
import '../lib/source.js';
import '../lib/threads.js';
import '../lib/version.js';
import '../lib/vit158.js';

const service = new Service((reply, transfer) => self.postMessage(reply, { transfer }));
self.addEventListener('message', (event) => service.handle(event.data));
self.postMessage({ type: REPLY.READY });
// Compiled while the page still comes and says which model it wants.
wasmModule('vit158-decode');
wasmModule(variantHere('auto').module);
