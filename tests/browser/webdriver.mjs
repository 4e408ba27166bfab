// SPDX-License-Identifier: MIT
// Firefox and WebKit as Debian has them, driven by the commands of WebDriver: WebKit's driver takes
// them over HTTP, Firefox by itself over a socket of its own (Marionette). Just what the tests need.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const PATIENCE_MS = 60000;
/** For an answer of the driver, which watches over the times above itself. */
const DRIVER_MS = PATIENCE_MS + 15000;
const SCREENSHOT_MS = 20000;
const WEBKIT_BROWSERS = ['4.1', '4.0', '6.0'].flatMap((version) =>
  ['webkit2gtk', 'webkitgtk'].map((name) => `/usr/lib/x86_64-linux-gnu/${name}-${version}/MiniBrowser`),
);
/** How WebDriver writes a reference to an element. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

/** @typedef {(method: 'GET' | 'POST' | 'DELETE', command: string, path: string, body?: object) => Promise<any>} Send */

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @template T
 * @param {string} what
 * @param {() => T | undefined | null | false | Promise<T | undefined | null | false>} look
 * @returns {Promise<T>} once there is one
 */
async function until(what, look) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(50)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`);
}

/**
 * @template T
 * @param {string} what
 * @param {number} ms
 * @param {Promise<T>} event
 * @returns {Promise<T>} or an error when it takes longer
 */
function within(what, ms, event) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no answer within ${ms / 1000} s`)), ms);
  });
  return Promise.race([event, /** @type {Promise<never>} */ (late)]).finally(() => clearTimeout(timer));
}

/** One page in a browser. */
export class Driver {
  #send;
  #end;
  /** Nothing can be asked of it any more. */
  closed = false;

  /** @param {Send} send @param {() => Promise<void>} end */
  constructor(send, end) {
    this.#send = /** @type {Send} */ (method, command, where, body) =>
      within(command, DRIVER_MS, send(method, command, where, body));
    this.#end = end;
  }

  /** @param {string} url */
  async open(url) {
    await this.#send('POST', 'Navigate', 'url', { url });
  }

  /**
   * Runs a function in the page.
   * @template T, A
   * @param {(argument: A) => T | Promise<T>} work
   * @param {A} [argument]
   * @returns {Promise<T>}
   */
  async evaluate(work, argument) {
    const script = `const done = arguments[arguments.length - 1];
      Promise.resolve().then(() => (${work})(arguments[0])).then(
        (value) => done({ value }), (error) => done({ error: String(error && error.stack || error) }));`;
    const answer = await this.#send('POST', 'ExecuteAsyncScript', 'execute/async', {
      script,
      args: [argument ?? null],
    });
    if (answer.error) throw new Error(`in the page: ${answer.error}`);
    return answer.value;
  }

  /**
   * @template A
   * @param {string} what
   * @param {(argument: A) => any} test  in the page
   * @param {A} [argument]
   */
  waitFor(what, test, argument) {
    return until(what, () => this.evaluate(test, argument));
  }

  /** @param {string} selector */
  async click(selector) {
    await this.evaluate((found) => /** @type {HTMLElement} */ (document.querySelector(found)).click(), selector);
  }

  /** @param {string} selector of a file input @param {string[]} files */
  async setFiles(selector, files) {
    await this.evaluate((found) => {
      // A driver may refuse to fill in what cannot be seen.
      /** @type {HTMLElement} */ (document.querySelector(found)).hidden = false;
    }, selector);
    const element = await this.#send('POST', 'FindElement', 'element', {
      using: 'css selector',
      value: selector,
    });
    const id = element[ELEMENT];
    await this.#send('POST', 'ElementSendKeys', `element/${id}/value`, { id, text: files.join('\n') });
  }

  /** @param {string} file a PNG is written there */
  async screenshot(file) {
    const base64 = await within(
      'screenshot',
      SCREENSHOT_MS,
      this.#send('GET', 'TakeScreenshot', 'screenshot', undefined),
    );
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from(base64, 'base64'));
  }

  async close() {
    this.closed = true;
    await within('close', SCREENSHOT_MS, this.#send('DELETE', 'DeleteSession', '', undefined)).catch(() => {});
    await this.#end();
  }
}

/**
 * One browser for several calls of `inBrowser`, for as long as nothing fails in it.
 * @param {() => Promise<Driver>} start
 * @returns {{start: () => Promise<Driver>, close: () => Promise<void>}}
 */
export function lasting(start) {
  /** @type {Driver | undefined} */
  let kept;
  return {
    start: async () => (kept && !kept.closed ? kept : (kept = await start())),
    close: async () => {
      if (kept && !kept.closed) await kept.close();
    },
  };
}

/**
 * Runs something in a browser and takes an image at the end. WebKitGTK's browser stops
 * answering once in some hundred runs: where the body failed and not even the image can be taken,
 * it is tried once more in a new one; in CI after any failure, which is told.
 * @param {() => Promise<Driver>} start
 * @param {string} picture  a PNG is written there
 * @param {(driver: Driver) => Promise<void>} body
 * @param {{keep?: boolean, tries?: number}} [options]  keep: does not end a browser in which nothing failed
 */
export async function inBrowser(start, picture, body, { keep = false, tries = 2 } = {}) {
  const driver = await start();
  const failure = await body(driver).then(
    () => null,
    (error) => ({ error }),
  );
  const answers = await driver.screenshot(picture).then(
    () => true,
    () => false,
  );
  if (failure || !keep) await driver.close();
  if (!failure) return;
  if ((answers && !process.env.CI) || tries === 1) throw failure.error;
  console.log(`RUN TWICE: ${path.basename(picture, '.png')}; the first run failed: ${failure.error}`);
  await inBrowser(start, picture, body, { keep, tries: tries - 1 });
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
function start(command, args, env = {}) {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
    detached: true,
  });
  let failed = '';
  child.on('error', (error) => (failed = error.message));
  return {
    child,
    check() {
      if (failed || child.exitCode !== null)
        throw new Error(`${command} ended: ${failed || `exit code ${child.exitCode}`}`);
    },
    async end() {
      if (child.exitCode !== null || child.pid === undefined) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      try {
        process.kill(-child.pid, 'SIGKILL'); // with the processes it has started
      } catch {
        return;
      }
      await ended;
    },
  };
}

/** @returns {Promise<Driver>} Firefox, headless, with a profile of its own */
export async function startFirefox() {
  const profile = mkdtempSync(path.join(tmpdir(), 'vit158-firefox-'));
  const preferences = {
    'marionette.port': 0,
    'browser.shell.checkDefaultBrowser': false,
    'datareporting.policy.dataSubmissionEnabled': false,
    'toolkit.telemetry.reportingpolicy.firstRun': false,
    'app.normandy.enabled': false,
    'network.captive-portal-service.enabled': false,
    'network.connectivity-service.enabled': false,
    'browser.startup.page': 0,
  };
  const lines = Object.entries(preferences).map(([key, value]) => `user_pref("${key}", ${JSON.stringify(value)});\n`);
  writeFileSync(path.join(profile, 'user.js'), lines.join(''));
  const firefox = start(
    'firefox-esr',
    ['--headless', '--marionette', '--no-remote', '--profile', profile, '--width', '1280', '--height', '900'],
    { HOME: profile },
  );
  const portFile = path.join(profile, 'MarionetteActivePort');
  const port = await until('Firefox starts', () => {
    firefox.check();
    return existsSync(portFile) && Number(readFileSync(portFile, 'utf8'));
  }).catch(async (error) => {
    await firefox.end();
    throw error;
  });
  const socket = createConnection(port, '127.0.0.1');
  const ask = marionette(socket);
  /** @type {Send} */
  const send = async (_method, command, _path, body = {}) => {
    const answer = await ask(`WebDriver:${command}`, body);
    return answer && 'value' in answer ? answer.value : answer;
  };
  await send('POST', 'NewSession', '', {});
  await send('POST', 'SetTimeouts', '', { script: PATIENCE_MS, pageLoad: PATIENCE_MS });
  return new Driver(send, async () => {
    socket.destroy();
    await firefox.end();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });
}

/**
 * Marionette's messages: "length:[0, id, command, parameters]" there, "length:[1, id, error, result]" back.
 * @param {import('node:net').Socket} socket
 * @returns {(command: string, parameters: object) => Promise<any>}
 */
function marionette(socket) {
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
  const waiting = new Map();
  let buffer = Buffer.alloc(0);
  let nextId = 1;
  socket.on('data', (data) => {
    buffer = Buffer.concat([buffer, data]);
    for (;;) {
      const colon = buffer.indexOf(':');
      const length = Number(buffer.subarray(0, colon));
      if (colon < 0 || buffer.length < colon + 1 + length) return;
      const message = JSON.parse(buffer.subarray(colon + 1, colon + 1 + length).toString());
      buffer = buffer.subarray(colon + 1 + length);
      if (!Array.isArray(message)) continue; // its greeting
      const [, id, error, result] = message;
      if (error) waiting.get(id)?.reject(new Error(`${error.error}: ${error.message}`));
      else waiting.get(id)?.resolve(result);
      waiting.delete(id);
    }
  });
  socket.on('error', (error) => waiting.forEach(({ reject }) => reject(error)));
  return (command, parameters) =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      const text = JSON.stringify([0, id, command, parameters]);
      socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
}

/** @returns {Promise<number>} that nobody listens on */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** @returns {Promise<Driver>} WebKitGTK's small browser, on a screen that nobody sees */
export async function startWebKit() {
  const binary = WEBKIT_BROWSERS.find((file) => existsSync(file));
  if (!binary) throw new Error('WebKitGTK has no MiniBrowser here (Debian: webkit2gtk-driver)');
  const screen = start('Xvfb', ['-displayfd', '3', '-screen', '0', '1400x1000x24', '-nolisten', 'tcp']);
  let display = '';
  screen.child.stdio[3]?.once('data', (data) => (display = `:${String(data).trim()}`));
  await until('Xvfb starts', () => {
    screen.check();
    return display;
  });
  const home = mkdtempSync(path.join(tmpdir(), 'vit158-webkit-'));
  const port = await freePort();
  const driver = start('WebKitWebDriver', [`--port=${port}`], {
    DISPLAY: display,
    HOME: home,
    XDG_RUNTIME_DIR: home,
    GDK_BACKEND: 'x11',
    LIBGL_ALWAYS_SOFTWARE: '1',
    WEBKIT_DISABLE_COMPOSITING_MODE: '1',
  });
  let session = '';
  /** @type {Send} */
  const send = async (method, _command, where, body) => {
    const response = await fetch(`http://127.0.0.1:${port}/session${session}${where && `/${where}`}`, {
      method,
      ...(method === 'POST' && { body: JSON.stringify(body ?? {}), headers: { 'content-type': 'application/json' } }),
    });
    const { value } = /** @type {any} */ (await response.json());
    if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
    return value;
  };
  const end = async () => {
    await driver.end();
    await screen.end();
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  try {
    await until("WebKit's driver starts", () => {
      driver.check();
      return fetch(`http://127.0.0.1:${port}/status`).then(
        (response) => response.ok,
        () => false,
      );
    });
    const options = { binary, args: ['--automation'] };
    const made = await send('POST', 'NewSession', '', {
      capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } },
    });
    session = `/${made.sessionId}`;
  } catch (error) {
    await end();
    throw error;
  }
  await send('POST', 'SetTimeouts', 'timeouts', { script: PATIENCE_MS, pageLoad: PATIENCE_MS });
  return new Driver(send, end);
}
