// SPDX-License-Identifier: MIT
// Command lines: a command describes its options in a table; parsing, range checks and the text of
// --help come from the table. Options and arguments may be mixed; "--" ends the options.

import { nearest } from '../lib/options.js';

const HELP_COLUMN = 26;

/** A mistake on the command line. */
export class UsageError extends Error {}

/**
 * @typedef {object} Option
 * @property {string} name "--top-k"
 * @property {string} [letter] "-k"
 * @property {string} help one line, says the default
 * @property {string} [placeholder] of a text or number; flags have neither it nor choices
 * @property {[number, number]} [range] a number from .. to, whole unless `fraction`
 * @property {boolean} [fraction]
 * @property {string[]} [choices]
 */

/**
 * @typedef {object} Usage
 * @property {string} synopsis "classify FILE... [options]"
 * @property {string} about
 * @property {Option[]} options
 * @property {[number, number]} count of arguments that are not options
 * @property {string} notes
 */

/** @typedef {Record<string, string | number | boolean>} Values by the option's name */

/**
 * @param {Usage} usage
 * @param {string[]} args
 * @returns {{values: Values, rest: string[]} | undefined} undefined: --help has been printed
 */
export function parseOptions(usage, args) {
  const end = args.indexOf('--');
  if ((end < 0 ? args : args.slice(0, end)).includes('--help')) {
    process.stdout.write(helpText(usage));
    return undefined;
  }
  /** @type {Values} */
  const values = {};
  const rest = [];
  for (let i = 0; i < args.length; i++) {
    if (i === end) {
      rest.push(...args.slice(i + 1));
      break;
    }
    const word = args[i];
    if (!word.startsWith('-') || word === '-') {
      rest.push(word);
      continue;
    }
    const [, name, given] = word.match(/^(--[^=]*)=(.*)$/s) ?? [word, word];
    const joined = /^-[^-]./s.test(word)
      ? usage.options.find((o) => o.letter === word.slice(0, 2) && takesValue(o))
      : undefined;
    const option = joined ?? usage.options.find((o) => o.name === name || o.letter === name);
    if (!option) throw new UsageError(unknownOption(word, usage.options));
    if (!takesValue(option)) {
      if (given !== undefined) throw new UsageError(`${option.name} takes no value`);
      values[option.name] = true;
      continue;
    }
    const value = given ?? (joined ? word.slice(2) : args[++i]); // -k1
    if (value === undefined) throw new UsageError(`${option.name} needs a value`);
    values[option.name] = parseValue(option, value);
  }
  const [min, max] = usage.count;
  if (rest.length < min) throw new UsageError(`an argument is missing: vit158 ${usage.synopsis}`);
  if (rest.length > max) throw new UsageError(`one argument too many: '${rest[max]}'`);
  return { values, rest };
}

/** @param {Option} option */
const takesValue = (option) => option.placeholder !== undefined || option.choices !== undefined;

/** @param {string} word @param {Option[]} options */
function unknownOption(word, options) {
  const near = nearest(
    word.replace(/=.*/s, ''),
    options.map(({ name }) => name),
  );
  return `unknown option '${word}'${near ? `: did you mean ${near}?` : ''}`;
}

/** @param {Option} option @param {string} text */
function parseValue({ name, range, choices, fraction }, text) {
  if (choices && !choices.includes(text))
    throw new UsageError(`${name} must be one of ${choices.join(', ')}, got '${text}'`);
  if (!range) return text;
  const value = Number(text);
  if (text.trim() === '' || !(fraction ? Number.isFinite(value) : Number.isInteger(value)))
    throw new UsageError(`${name} wants a ${fraction ? '' : 'whole '}number, got '${text}'`);
  if (value < range[0] || value > range[1])
    throw new UsageError(`${name} must be from ${range[0]} to ${range[1]}, got ${text}`);
  return value;
}

/** @param {Usage} usage */
function helpText({ synopsis, about, options, notes }) {
  const rows = [...options, { name: '--help', help: 'print this text' }].map((option) => {
    const { name, letter, placeholder, choices, help } = /** @type {Option} */ (option);
    const value = choices ? ` ${choices.join('|')}` : placeholder ? ` ${placeholder}` : '';
    const left = `  ${letter ? `${letter}, ` : ''}${name}${value}`;
    const gap = left.length < HELP_COLUMN ? left.padEnd(HELP_COLUMN) : `${left}\n${' '.repeat(HELP_COLUMN)}`;
    return gap + help;
  });
  return `usage: vit158 ${synopsis}\n\n${about}\n\noptions:\n${rows.join('\n')}\n\n${notes}\n`;
}
